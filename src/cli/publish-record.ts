/** What the clients of a check published for one user, and whether what is stored can have come of it. Pure. */

/** A publication of an instance that is only ever replaced, never deleted: its versions have no gaps. */
export interface Attempt {
  readonly place: string
  /** The version that it makes. */
  readonly version: number
  readonly text: string
  outcome: 'acknowledged' | 'refused' | 'unknown'
}

/** An instance as it is stored. */
export interface Stored {
  readonly version: number
  readonly text: string
}

/** What must not be: an acknowledged publication that is not stored, or something stored that nobody sent. */
export const checkPublished = (attempts: readonly Attempt[], storedAt: (place: string) => Stored | undefined): readonly string[] =>
  [...Map.groupBy(attempts, ({ place }) => place)].flatMap(([place, sent]) => {
    const stored = storedAt(place)
    const acknowledged = sent.filter(({ outcome }) => outcome === 'acknowledged')
    const last = Math.max(0, ...acknowledged.map(({ version }) => version))
    const twice = [...Map.groupBy(acknowledged, ({ version }) => version)].filter(([, list]) => list.length > 1)
      .map(([version, list]) => `${place}: version ${version} was acknowledged ${list.length} times: ${list.map(({ text }) => text).join(' and ')}`)
    if ((stored?.version ?? 0) < last) return [...twice, `${place}: version ${last} was acknowledged, ${stored === undefined ? 'nothing' : `version ${stored.version}`} is stored`]
    if (stored === undefined || sent.some(({ version, text, outcome }) => outcome !== 'refused' && version === stored.version && stored.text.includes(text))) return twice
    return [...twice, `${place}: version ${stored.version} is stored with data that nobody sent as that: ${stored.text.slice(0, 200)}`]
  })
