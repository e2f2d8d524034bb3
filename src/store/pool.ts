import type { Socket } from 'node:net'
import pg, { type PoolClient } from 'pg'
import { DatabaseAwayError, isDatabaseUnavailable } from './errors.ts'
import { createGate, type Gate } from './gate.ts'

/** Hears how long connections were waited for and how long they were held, in milliseconds. */
export interface PoolObserver {
  readonly waited: (ms: number) => void
  /** From getting a connection to giving it back: a transaction, or a statement that stands alone. */
  readonly held: (ms: number) => void
}

export interface WatchedPoolOptions {
  readonly config: pg.PoolConfig
  readonly observer?: PoolObserver
  /** Asks the database over a connection of its own whether it takes writes. Without it the database is never away. */
  readonly ask?: () => Promise<void>
  /** Longest that a statement takes: whoever has held a connection through a longer outage waits on a dead one. */
  readonly statementTimeoutMs: number
}

/** Hears what happens to the database. */
export interface PoolListener {
  /** Connections and whatever was learned over them are not to be relied on any more: another server may have taken over. */
  readonly onDistrust: () => void
  readonly onAway: (reason: unknown) => void
  /** With how long it was away, in milliseconds. */
  readonly onBack: (afterMs: number) => void
}

/** How soon a database that was away is found again, at most. */
const ASK_EVERY_MS = 250

/** The socket of a connection, which pg does not show in its types; the embedded database has none. */
export const streamOf = (client: PoolClient): Partial<Pick<Socket, 'cork' | 'uncork' | 'destroy'>> =>
  (client as unknown as { readonly connection: { readonly stream: Partial<Pick<Socket, 'cork' | 'uncork' | 'destroy'>> } }).connection.stream

interface Waiter {
  readonly since: number
  readonly give: (error: Error | undefined, client?: PoolClient) => void
}

type Callback = (error: Error | undefined, client: PoolClient | undefined, done: (release?: Error | boolean) => void) => void

/**
 * A pool of connections that knows how long it is waited for, and that does not let anybody wait for a database that is away. All uses of the database
 * pass here: transactions, single statements and Kysely.
 */
export class WatchedPool extends pg.Pool {
  private readonly gate: Gate | undefined
  private readonly observer: PoolObserver | undefined
  /** In the order in which they came, which is that of the pool. */
  private readonly waiters = new Set<Waiter>()
  private readonly heldSince = new Map<PoolClient, number>()
  /** Connections made before the latest outage are not given out again: they may lead to a server that was the primary. */
  private readonly outageOf = new WeakMap<PoolClient, number>()
  private outages = 0
  private listener: PoolListener = { onDistrust: () => undefined, onAway: () => undefined, onBack: () => undefined }

  constructor({ config, observer, ask, statementTimeoutMs }: WatchedPoolOptions) {
    super(config)
    this.observer = observer
    this.on('connect', (client) => { this.outageOf.set(client, this.outages) })
    this.on('acquire', (client) => { this.heldSince.set(client, performance.now()) })
    this.on('release', (error, client) => {
      const since = this.heldSince.get(client)
      this.heldSince.delete(client)
      if (since !== undefined) observer?.held(performance.now() - since)
      this.suspect(error)
    })
    if (ask === undefined) return
    this.gate = createGate({
      ask, everyMs: ASK_EVERY_MS, patienceMs: ASK_EVERY_MS,
      onClosed: (reason) => {
        this.distrust()
        const away = new DatabaseAwayError(reason)
        for (const waiter of this.waiters) waiter.give(away)
        this.listener.onAway(reason)
      },
      onOpened: (afterMs) => {
        const closedAt = performance.now() - afterMs
        if (afterMs > statementTimeoutMs) for (const [client, since] of this.heldSince) if (since < closedAt) streamOf(client).destroy?.()
        this.listener.onBack(afterMs)
      },
    })
  }

  listen(listener: PoolListener): void {
    this.listener = listener
  }

  /** Whether the database is believed to take requests. */
  get isAway(): boolean {
    return this.gate?.isOpen() === false
  }

  /** How long the one that has waited longest for a connection does so already, in milliseconds; 0 when nobody waits. */
  get oldestWaitMs(): number {
    for (const { since } of this.waiters) return performance.now() - since
    return 0
  }

  /** Hears of an error that connections, statements or transactions have met; those that do not speak of the database being away mean nothing. */
  suspect(error: unknown): void {
    if (!isDatabaseUnavailable(error)) return
    // A server that takes no writes any more was the primary of all connections.
    if (error instanceof Error && 'code' in error && error.code === '25006') this.distrust()
    this.gate?.suspect(error)
  }

  override connect(): Promise<PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<PoolClient> | void {
    if (callback !== undefined) return this.take((error, client) => callback(error, client, (release) => client?.release(release)))
    return new Promise((resolve, reject) => this.take((error, client) => (client === undefined ? reject(error ?? new Error('no connection')) : resolve(client))))
  }

  override end(): Promise<void>
  override end(callback: () => void): void
  override end(callback?: () => void): Promise<void> | void {
    this.gate?.stop()
    return callback === undefined ? super.end() : super.end(callback)
  }

  private distrust(): void {
    this.outages += 1
    this.listener.onDistrust()
  }

  private take(give: Waiter['give'], since = performance.now()): void {
    if (this.isAway) {
      process.nextTick(give, new DatabaseAwayError('it did not answer just before'))
      return
    }
    const waiter: Waiter = { since, give: (error, client) => { if (this.waiters.delete(waiter)) give(error, client) } }
    this.waiters.add(waiter)
    super.connect((error, client) => {
      if (client === undefined) {
        // Whatever keeps a connection from coming about, the database cannot serve: it may be closed to us, or be another one.
        const away = isDatabaseUnavailable(error) ? error : new DatabaseAwayError(error)
        this.suspect(away)
        waiter.give(away)
      } else if (!this.waiters.has(waiter)) {
        client.release()
      } else if (this.outageOf.get(client) !== this.outages) {
        this.waiters.delete(waiter)
        client.release(true)
        this.take(give, since)
      } else {
        this.observer?.waited(performance.now() - since)
        waiter.give(undefined, client)
      }
    })
  }
}
