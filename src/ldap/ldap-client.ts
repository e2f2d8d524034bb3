import type { Entry, Filter, SearchOptions } from 'ldapts'
import type { LdapEntry } from '../core/ldap/read-person.ts'
import { createConnectionPool } from './connection-pool.ts'
import type { LdapConnection, LdapServer } from './ldap-connection.ts'
import { endsConnection, resultCodeOf, toDirectoryError } from './ldap-errors.ts'

/** What is asked for. */
export interface LdapQuery {
  readonly filter: Filter
  readonly attributes: readonly string[]
}

/** An LDAP server that is searched below one place. What fails is a DirectoryError. */
export interface LdapClient {
  /** At most so many entries; `more` when there are others. */
  readonly search: (query: LdapQuery, limit: number) => Promise<{ readonly entries: readonly LdapEntry[]; readonly more: boolean }>
  /** All entries, page by page (RFC 2696), over one connection. It is given back at the end, or when the reader returns early. */
  readonly pages: (query: LdapQuery, pageSize: number) => AsyncGenerator<readonly LdapEntry[], void, undefined>
  readonly close: () => void
}

const SIZE_LIMIT_EXCEEDED = 4

/** No server is set to hand out fewer than this; a result of fewer is whole. */
const SMALLEST_SERVER_LIMIT = 20

/** Texts by attribute in small letters; what is no UTF-8 is left out. */
const readEntry = (entry: Entry): LdapEntry =>
  new Map(Object.entries(entry).map(([name, values]) => [name.toLowerCase(), (Array.isArray(values) ? values : [values]).filter((value) => typeof value === 'string')]))

/** Searches `baseDn` and everything below it. */
export const createLdapClient = (server: LdapServer, baseDn: string, now: () => number): LdapClient => {
  const pool = createConnectionPool(server, now)
  const timeLimit = Math.ceil(server.timeoutMs / 1000)
  const options = ({ filter, attributes }: LdapQuery): SearchOptions => ({ scope: 'sub', filter, attributes: [...attributes], timeLimit })

  const run = async <T>(work: (connection: LdapConnection) => Promise<T>): Promise<T> => {
    const { connection, reused } = await pool.take()
    const began = now()
    let result: T
    try {
      result = await work(connection)
    } catch (error) {
      const lost = !connection.isAlive()
      pool.release(connection, endsConnection(error))
      // It was lost while nobody used it: that says nothing about the server, so once more over another one. Not after an answer that never came.
      if (reused && lost && now() - began < server.timeoutMs) return run(work)
      throw toDirectoryError(error)
    }
    pool.release(connection, false)
    return result
  }

  // The server's own limit may be below ours, and the library hands out what it got without saying that there was more. It does say so where we set no limit.
  const isCut = ({ client }: LdapConnection, query: LdapQuery): Promise<boolean> =>
    client.search(baseDn, options({ ...query, attributes: ['1.1'] })).then(() => false, (error: unknown) => {
      if (resultCodeOf(error) === SIZE_LIMIT_EXCEEDED) return true
      throw error
    })

  async function* pages(query: LdapQuery, pageSize: number): AsyncGenerator<readonly LdapEntry[], void, undefined> {
    const { connection } = await pool.take()
    let complete = false
    try {
      for await (const { searchEntries } of connection.client.searchPaginated(baseDn, { ...options(query), paged: { pageSize } })) yield searchEntries.map(readEntry)
      complete = true
    } catch (error) {
      throw toDirectoryError(error)
    } finally {
      // A server keeps the place of a reader who has not come to the end.
      pool.release(connection, !complete)
    }
  }

  return {
    search: (query, limit) => run(async (connection) => {
      const { searchEntries } = await connection.client.search(baseDn, { ...options(query), sizeLimit: limit + 1 })
      const more = searchEntries.length > limit || (searchEntries.length >= SMALLEST_SERVER_LIMIT && await isCut(connection, query))
      return { entries: searchEntries.slice(0, limit).map(readEntry), more }
    }),
    pages,
    close: pool.close,
  }
}
