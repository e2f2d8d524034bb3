import { DirectoryError } from '../core/model/directory-search.ts'
import { openConnection, type LdapConnection, type LdapServer } from './ldap-connection.ts'
import { toDirectoryError } from './ldap-errors.ts'

/** A few connections to one server, handed out one user at a time. */
export interface ConnectionPool {
  /** A connection of one's own; `reused` when it has been idle, and may have been lost without a word. Rejects with a DirectoryError. */
  readonly take: () => Promise<{ readonly connection: LdapConnection; readonly reused: boolean }>
  /** Gives it back; one that is broken is closed. */
  readonly release: (connection: LdapConnection, broken: boolean) => void
  readonly close: () => void
}

/** Connections at a time; one of them may be held for long by the feed. */
const MAX_CONNECTIONS = 4
/** Who waits for one of them beyond this many is turned away. */
const MAX_WAITING = 64
/** How long a server that could not be reached is left alone, and one that does not want us: accounts are locked after a few wrong passwords. */
const REST_MS = 1_000
const FORBIDDEN_REST_MS = 30_000

type Waiter = { readonly resolve: () => void; readonly reject: (error: Error) => void; readonly timer: NodeJS.Timeout }

/** `now` in milliseconds. Nothing is connected before it is needed. */
export const createConnectionPool = (server: LdapServer, now: () => number): ConnectionPool => {
  const idle: LdapConnection[] = []
  const all = new Set<LdapConnection>()
  const waiting: Waiter[] = []
  let inUse = 0
  let refusal: { readonly until: number; readonly error: DirectoryError } | undefined
  const ending = new AbortController()
  const gone = (): DirectoryError => new DirectoryError('busy', 'LDAP: the engine is stopping')
  // The turn goes from hand to hand: whoever ends passes it on, and counts as in use all the time.
  const passOn = (): void => {
    const next = waiting.shift()
    if (next === undefined) inUse -= 1
    else next.resolve()
  }
  const turn = async (): Promise<void> => {
    if (inUse < MAX_CONNECTIONS) {
      inUse += 1
      return
    }
    if (waiting.length >= MAX_WAITING) throw new DirectoryError('busy', 'LDAP: too many searches at a time')
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        resolve: () => { clearTimeout(waiter.timer); resolve() },
        reject: (error) => { clearTimeout(waiter.timer); reject(error) },
        timer: setTimeout(() => {
          waiting.splice(waiting.indexOf(waiter), 1)
          reject(new DirectoryError('busy', 'LDAP: all connections are in use'))
        }, server.timeoutMs),
      }
      waiting.push(waiter)
    })
  }
  const open = async (): Promise<LdapConnection> => {
    if (refusal !== undefined && refusal.until > now()) throw refusal.error
    try {
      const connection = await openConnection(server, ending.signal)
      refusal = undefined
      all.add(connection)
      return connection
    } catch (error) {
      const failure = toDirectoryError(error)
      refusal = { until: now() + (failure.why === 'forbidden' ? FORBIDDEN_REST_MS : REST_MS), error: failure }
      throw failure
    }
  }
  return {
    take: async () => {
      if (ending.signal.aborted) throw gone()
      await turn()
      try {
        for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
          if (connection.isAlive()) return { connection, reused: true }
          all.delete(connection)
        }
        return { connection: await open(), reused: false }
      } catch (error) {
        passOn()
        throw error
      }
    },
    release: (connection, broken) => {
      if (broken || ending.signal.aborted || !connection.isAlive()) {
        connection.close()
        all.delete(connection)
      } else {
        idle.push(connection)
      }
      passOn()
    },
    close: () => {
      ending.abort()
      for (const waiter of waiting.splice(0)) waiter.reject(gone())
      for (const connection of all) connection.close()
      all.clear()
    },
  }
}
