/** The value of a metric without labels in what Prometheus reads; NaN where there is none. */
export const metric = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
