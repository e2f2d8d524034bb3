import { Gauge, type Registry } from 'prom-client'

/** What lies in the database and should not lie there for long; counts end at a bound. */
export interface Stock {
  readonly pendingChanges: { readonly count: number; readonly oldestMs: number }
  /** Notifications owed, proxy by proxy. */
  readonly debts: readonly { readonly proxy: string; readonly count: number; readonly overdueMs: number }[]
  /** Rows past their time that no timer has taken yet. */
  readonly expired: Readonly<Record<string, number>>
}

/** Where the gauges look. */
export interface Sources {
  readonly stock: () => Promise<Stock>
  /** Each measure of load as a part of its bound. */
  readonly load: () => readonly { readonly measure: string; readonly ratio: number }[]
  readonly isDatabaseAway: () => boolean
  /** Publishes refused as conflict storms so far. */
  readonly conflictStorms: () => number
}

/** What the database was asked stays good for this long, whoever scrapes and how often. */
const STOCK_AGE_MS = 5_000

/** A scrape does not wait longer than this for the database; it then shows nothing where it knows nothing. */
const STOCK_PATIENCE_MS = 2_000

/** One question at a time, answered from memory while the answer is fresh; undefined when there is none, or none in time. */
const remember = <T>(read: () => Promise<T>): (() => Promise<T | undefined>) => {
  let asked: Promise<T | undefined> = Promise.resolve(undefined)
  let askedAt = -Infinity
  let asking = false
  return async () => {
    if (!asking && performance.now() - askedAt >= STOCK_AGE_MS) {
      asking = true
      askedAt = performance.now()
      asked = read().catch(() => undefined).finally(() => { asking = false })
    }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => { timer = setTimeout(resolve, STOCK_PATIENCE_MS, undefined) })
    return Promise.race([asked, late]).finally(() => clearTimeout(timer))
  }
}

/** Gauges that are asked for when someone looks. None of them can make the scrape fail: what is not known has no value. */
export const addGauges = (registry: Registry, { stock, load, isDatabaseAway, conflictStorms }: Sources): void => {
  const registers = [registry]
  const current = remember(stock)
  const fromStock = (name: string, help: string, labelNames: readonly string[], show: (stock: Stock) => readonly (readonly [Record<string, string>, number])[]): void => {
    new Gauge({ name, help, labelNames: [...labelNames], registers, async collect() {
      const known = await current()
      // Without labels there is a value of 0 after it; it goes as well.
      this.reset()
      if (labelNames.length === 0) this.remove()
      if (known !== undefined) for (const [labels, value] of show(known)) this.set(labels, value)
    } })
  }
  fromStock('presentia_pending_changes', 'Committed changes not told yet', [], ({ pendingChanges }) => [[{}, pendingChanges.count]])
  fromStock('presentia_pending_change_age_seconds', 'Age of the oldest change not told yet', [], ({ pendingChanges }) => [[{}, pendingChanges.oldestMs / 1000]])
  fromStock('presentia_deferred_notifications', 'Notifications owed to dialogs, by proxy', ['proxy'], ({ debts }) => debts.map(({ proxy, count }) => [{ proxy }, count]))
  fromStock('presentia_deferred_overdue_seconds', 'How long the notification owed longest past its time is overdue, by proxy', ['proxy'], ({ debts }) => debts.map(({ proxy, overdueMs }) => [{ proxy }, overdueMs / 1000]))
  fromStock('presentia_expired_rows', 'Rows past their time that no timer has taken away yet, by table', ['table'], ({ expired }) => Object.entries(expired).map(([table, count]) => [{ table }, count]))
  new Gauge({ name: 'presentia_load_ratio', help: 'Load as a part of its bound: at 1 new requests are refused', labelNames: ['measure'], registers, collect() { for (const { measure, ratio } of load()) this.set({ measure }, ratio) } })
  new Gauge({ name: 'presentia_database_away', help: '1 while the database is away and requests are refused at once', registers, collect() { this.set(isDatabaseAway() ? 1 : 0) } })
  new Gauge({ name: 'presentia_conflict_storms_total', help: 'Publishes refused because their endpoint ran into the same conflict for ever', registers, collect() { this.set(conflictStorms()) } })
}
