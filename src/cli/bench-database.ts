import { startTemporaryPostgres, withFreshDatabase } from './temporary-postgres.ts'

export const databaseKinds = ['postgres', 'embedded'] as const
export type DatabaseKind = (typeof databaseKinds)[number]

/**
 * Runs `work` on a PostgreSQL server, given by DATABASE_URL or started for it from Debian's packages; where there is neither, says so and returns
 * undefined.
 */
export const withPostgres = async <T>(work: (serverUrl: string) => Promise<T>): Promise<T | undefined> => {
  const given = process.env['DATABASE_URL']
  const temporary = given === undefined ? await startTemporaryPostgres() : undefined
  const url = given ?? temporary?.url
  if (url === undefined) {
    process.stdout.write('PostgreSQL is not installed here and DATABASE_URL is not set: nothing is measured on it\n')
    return undefined
  }
  try {
    return await work(url)
  } finally {
    await temporary?.stop()
  }
}

/** Runs `work` once per kind of database, each time on a new one; its URL is undefined for the embedded database. */
export const onDatabases = async <T>(kinds: readonly DatabaseKind[], work: (kind: DatabaseKind, url: string | undefined) => Promise<readonly T[]>): Promise<readonly T[]> => [
  ...(kinds.includes('postgres') ? await withPostgres((server) => withFreshDatabase(server, (url) => work('postgres', url))) ?? [] : []),
  ...(kinds.includes('embedded') ? await work('embedded', undefined) : []),
]
