import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { cpuOfTree, findPostmaster } from './process-cpu.ts'
import { findPostgresBinaries, withFreshDatabase } from './temporary-postgres.ts'

const PUBLISHERS = 100

// Shaped as category_instance is, with what keeps its updates in place.
const TABLE = `
  CREATE TABLE ceiling (
    publisher integer NOT NULL, category text NOT NULL, container integer NOT NULL, instance bigint NOT NULL, instance_version bigint NOT NULL,
    publish_time bigint NOT NULL, payload text NOT NULL, PRIMARY KEY (publisher, category, container, instance)
  ) WITH (fillfactor = 70)`

const FILL = `
  INSERT INTO ceiling SELECT publisher, 'state', row.at, 0, 1, 0, row.payload FROM generate_series(0, $1 - 1) AS publisher, unnest($2::text[]) WITH ORDINALITY AS row (payload, at)`

// All rows of one publisher in one statement, which is a transaction of its own. The payloads come along, as they do in earnest.
const WRITE = `
  UPDATE ceiling SET instance_version = instance_version + 1, publish_time = $3, payload = row.payload
  FROM unnest($2::text[]) WITH ORDINALITY AS row (payload, at) WHERE ceiling.publisher = $1 AND category = 'state' AND ceiling.container = row.at AND instance = 0`

/** Bare writes per second that a server manages, and its own CPU time for each in microseconds. */
export interface Ceiling {
  readonly rate: number
  readonly databaseCpu: number | undefined
}

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

const writeThroughPg = async (url: string, payloads: readonly string[], connections: number, seconds: number): Promise<Ceiling> => {
  const server = await findPostmaster(url)
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(url)))
  const cpu = (): number | undefined => (server === undefined ? undefined : cpuOfTree(server))
  let writes = 0
  const [before, begin] = [cpu(), performance.now()]
  await Promise.all(clients.map(async (client, caller) => {
    for (let turn = caller; performance.now() < begin + seconds * 1000; turn += connections, writes += 1) {
      await client.query({ name: 'ceiling', text: WRITE, values: [turn % PUBLISHERS, payloads, turn] })
    }
  }))
  const [took, after] = [(performance.now() - begin) / 1000, cpu()]
  await Promise.all(clients.map((client) => client.end()))
  return { rate: writes / took, databaseCpu: before === undefined || after === undefined ? undefined : (after - before) * 1000 / writes }
}

/** The same statement from PostgreSQL's own load program, with constant payloads; undefined where it is not installed. */
const writeThroughPgbench = async (url: string, payloads: readonly string[], connections: number, seconds: number): Promise<number | undefined> => {
  const program = join(findPostgresBinaries() ?? '', 'pgbench')
  if (!existsSync(program)) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'presentia-pgbench-'))
  const script = join(folder, 'write.sql')
  const quoted = `ARRAY[${payloads.map((payload) => `'${payload.replaceAll('\'', '\'\'').replaceAll(':', '.')}'`).join()}]::text[]`
  writeFileSync(script, `\\set publisher random(0, ${PUBLISHERS - 1})\n${WRITE.replace('$1', ':publisher').replace('$2::text[]', quoted).replace('$3', '1').replaceAll('\n', ' ')};\n`)
  try {
    const { stdout } = await promisify(execFile)(program, ['-n', '-M', 'prepared', '-c', String(connections), '-T', String(Math.max(1, Math.round(seconds))), '-f', script, url])
    return Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a server can do at best with rows like these: one statement per transaction on `connections` connections, through `pg` as the engine does, and from pgbench. */
export const measureCeiling = (serverUrl: string, payloads: readonly string[], connections: number, seconds: number): Promise<{ readonly pg: Ceiling; readonly pgbench: number | undefined }> =>
  withFreshDatabase(serverUrl, async (url) => {
    const client = await connect(url)
    try {
      await client.query(TABLE)
      await client.query(FILL, [PUBLISHERS, payloads])
    } finally {
      await client.end()
    }
    return { pg: await writeThroughPg(url, payloads, connections, seconds), pgbench: await writeThroughPgbench(url, payloads, connections, seconds) }
  })
