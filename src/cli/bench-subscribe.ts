import pg from 'pg'
import { readArguments } from './bench-arguments.ts'
import { bringPublishers, createCrowd, publisherName, range, watcherName } from './bench-crowd.ts'
import { withPostgres } from './bench-database.ts'
import { expectOk } from './bench-link.ts'
import { wayNames, ways, withStage, type Way } from './bench-stage.ts'
import { ascending, inParallel, percentile, rounded, timed, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { freePort } from './free-port.ts'
import { readLiveHeap } from './heap-size.ts'
import { hasKamailio } from './kamailio-process.ts'
import { withFreshDatabase } from './temporary-postgres.ts'

const PUBLISHERS = 100
const CALLERS = 8

/** One SUBSCRIBE and one dialog for each watcher and publisher, or one for all publishers of a watcher. */
const forms = ['single', 'batch'] as const
type Form = (typeof forms)[number]

const tables = ['dialog', 'dialog_resource', 'subscription'] as const

/** Bytes of each table with its indexes and everything else that belongs to it. */
const tableSizes = async (url: string): Promise<readonly number[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const query = `SELECT pg_total_relation_size(name::regclass)::float8 AS bytes FROM unnest($1::text[]) WITH ORDINALITY AS table_name (name, at) ORDER BY at`
  return client.query<{ readonly bytes: number }>(query, [tables]).then(({ rows }) => rows.map(({ bytes }) => bytes)).finally(() => client.end())
}

/** What a client that speaks MS-PRES does: the whole state of who is watched comes in the answer. */
const measure = async (way: Way, form: Form, subscriptions: number, url: string): Promise<Row> => {
  const inspector = await freePort()
  return withStage({ way, databaseUrl: url, nodeOptions: [`--inspect=127.0.0.1:${inspector}`, '--inspect-publish-uid=http'] }, async (stage) => {
    const watchers = Math.ceil(subscriptions / PUBLISHERS)
    const publishers = range(0, PUBLISHERS).map(publisherName)
    await bringPublishers(stage, PUBLISHERS, (user) => wire.publishNote(user, 200, 0, 'hello'))
    const crowd = createCrowd(stage)
    await crowd.grow(watchers, async () => undefined)
    const todo = range(0, watchers).flatMap((watcher) => (form === 'batch' ? [{ watcher, others: publishers }] : publishers.map((publisher) => ({ watcher, others: [publisher] }))))
    const messageOf = (watcher: string, [first = '', ...more]: readonly string[]): string => (form === 'single' ? wire.watchOne(watcher, first) : wire.watch(watcher, first, ...more))
    const times: number[] = []
    const subscribe = ({ watcher, others }: (typeof todo)[number]): Promise<unknown> => timed(() => expectOk('watch', crowd.linkOf(watcher).send(messageOf(watcherName(watcher), others)))).then((ms) => times.push(ms))
    // The first ones compile the code and fill the caches; what they take is not the subscriptions'.
    const [first, rest] = [todo.slice(0, Math.ceil(todo.length / 10)), todo.slice(Math.ceil(todo.length / 10))]
    await inParallel(first, CALLERS, subscribe)
    times.length = 0
    const [heap, sizes, cpu] = [await readLiveHeap(inspector), await tableSizes(url), stage.cpu()]
    const took = await timed(() => inParallel(rest, CALLERS, subscribe))
    const [heapAfter, sizesAfter, cpuAfter] = [await readLiveHeap(inspector), await tableSizes(url), stage.cpu()]
    const made = rest.reduce((sum, { others }) => sum + others.length, 0)
    const bytes = sizesAfter.map((size, at) => (size - (sizes[at] ?? 0)) / made)
    const cost = (who: 'engine' | 'database' | 'proxy'): number | string => { const [from, to] = [cpu[who], cpuAfter[who]]; return from === undefined || to === undefined ? '-' : Math.round((to - from) * 1000 / rest.length) }
    const sorted = ascending(times)
    return {
      path: wayNames[way], form: form === 'single' ? 'one SUBSCRIBE and dialog per subscription' : `batch SUBSCRIBEs for ${PUBLISHERS} publishers each`, 'SUBSCRIBEs': rest.length, subscriptions: made, 'subscriptions/s': Math.round(made / took * 1000),
      'SUBSCRIBEs/s': Math.round(rest.length / took * 1000), 'p50 ms': percentile(sorted, 0.5), 'p99 ms': percentile(sorted, 0.99), 'heap bytes each': Math.round((heapAfter - heap) / made), 'disk bytes each': Math.round(bytes.reduce((sum, one) => sum + one, 0)),
      ...Object.fromEntries(tables.map((table, at) => [table, Math.round(bytes[at] ?? 0)])), 'µs engine': cost('engine'), 'µs database': cost('database'), 'µs proxy': cost('proxy'), 'live heap MB': rounded(heapAfter / 2 ** 20, 1),
    }
  })
}

/** Subscribes per second of 8 callers for 10,000 subscriptions (100 watchers, 100 publishers), and what each of them takes of the engine's heap and of PostgreSQL's disk. */
export const benchSubscribe = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['subscriptions', 'form', 'through'])
  const chosen = read.choices('through', ways, hasKamailio() ? ways : ['http'])
  return await withPostgres(async (server) => {
    const rows: Row[] = []
    for (const way of chosen) for (const form of read.choices('form', forms, forms)) rows.push(await withFreshDatabase(server, (url) => measure(way, form, read.number('subscriptions', 10_000), url)))
    return rows
  }) ?? []
}
