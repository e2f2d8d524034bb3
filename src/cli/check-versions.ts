import type { ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { mediaTypes } from '../core/sip/media-types.ts'
import { checkHistory, documentOf, keyOf, readDocument, readFault, type Heard, type Notice, type Operation, type Sent, type Tally, type WriteRow, type CommittedRow } from './check-versions-history.ts'
import * as wire from './demo-messages.ts'
import { startEngineProcess, type EngineAddresses } from './engine-process.ts'
import { publishBody } from './request-bodies.ts'
import { startTemporaryPostgres, withFreshDatabase } from './temporary-postgres.ts'

const SECONDS = Math.min(600, Number(process.env['CHECK_SECONDS'] ?? 30))
const CLIENTS = 32
const PUBLISHERS = Array.from({ length: 8 }, (_, at) => `p${at}`)
const CATEGORIES = ['note', 'routing', 'roomSetting']
const PLACES = CATEGORIES.flatMap((category) => [2, 200].flatMap((container) => [0, 1].map((instance) => ({ category, container, instance }))))
const SECRET = randomBytes(16).toString('hex')
const ADMIN_KEY = randomBytes(16).toString('hex')
const AUTHORIZATION = `Basic ${Buffer.from(`check:${SECRET}`).toString('base64')}`
/** How long one answer, the start of an engine, or the last notification may take. */
const PATIENCE_MS = 15_000
/** After this much more than the load itself the check gives up. */
const SPARE_MS = 50_000

// What the engines write is recorded by the database itself, at the revision that the same transaction makes: the order of history.
const RECORD = `
  CREATE TABLE check_request (publisher text, revision bigint, call_id text, touch text);
  CREATE INDEX ON check_request (call_id);
  CREATE TABLE check_write (publisher text, revision bigint, category text, container integer, instance bigint, version bigint, payload text);
  CREATE FUNCTION check_request() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO check_request SELECT p.publisher, revision, NEW.call_id, touch FROM publisher AS p LEFT JOIN change AS c ON c.publisher = p.publisher AND c.id = revision WHERE p.publisher = NEW.publisher; RETURN NULL;
  END $$;
  CREATE FUNCTION check_write() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE it category_instance; BEGIN
    IF TG_OP = 'DELETE' THEN it := OLD; it.instance_version := 0; it.payload := ''; ELSE it := NEW; END IF;
    INSERT INTO check_write SELECT publisher, revision, it.category, it.container, it.instance, it.instance_version, it.payload FROM publisher WHERE publisher = it.publisher; RETURN NULL;
  END $$;
  CREATE TRIGGER check_request AFTER INSERT ON answered FOR EACH ROW EXECUTE FUNCTION check_request();
  CREATE TRIGGER check_write AFTER INSERT OR UPDATE OR DELETE ON category_instance FOR EACH ROW EXECUTE FUNCTION check_write();`

const TYPES = { getTypeParser: (oid: number) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid)) } as pg.CustomTypesConfig

const uriOf = (user: string): string => `sip:${user}@example.com`

type Engine = EngineAddresses & { readonly child: ChildProcess }

/** All that the parts of one run share. */
const createStage = (databaseUrl: string, violations: string[]) => ({
  databaseUrl, folder: mkdtempSync(join(tmpdir(), 'presentia-check-')), pool: new pg.Pool({ connectionString: databaseUrl, max: 4, types: TYPES }),
  engines: [undefined, undefined] as (Engine | undefined)[], children: new Set<ChildProcess>(), requests: [] as Sent[], notices: new Map(PUBLISHERS.map((publisher) => [publisher, [] as Notice[]])),
  count: { answered200: 0, answered409: 0, notAnswered: 0, answered503: 0, probes: 0, kills: 0, answered200AfterRestart: 0 },
  report: (text: string): void => { violations.push(text) }, notifyUrl: '', running: false,
})

type Stage = ReturnType<typeof createStage>

const startEngine = async (stage: Stage, at: number): Promise<Engine> => {
  const { child, ready } = startEngineProcess({
    PRESENTIA_DATABASE_URL: stage.databaseUrl, PRESENTIA_DATA_DIR: join(stage.folder, `engine${at}`), PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0',
    PRESENTIA_ADMIN_KEY: ADMIN_KEY, PRESENTIA_PROXIES: JSON.stringify({ check: { kind: 'plain', secret: SECRET, notifyUrl: stage.notifyUrl } }), PRESENTIA_CONFLICT_LIMIT: '10000', PRESENTIA_CREATE_USERS_ON_REGISTER: 'true', PRESENTIA_SERVER_PUBLICATIONS: 'false', PRESENTIA_RECONCILE_MS: '0',
  })
  stage.children.add(child)
  child.once('exit', () => {
    stage.children.delete(child)
    if (stage.engines[at]?.child === child) stage.report(`engine ${at} ended by itself`)
    if (stage.engines[at]?.child === child) stage.engines[at] = undefined
  })
  return { child, ...await ready }
}

/** The proxy's side of notifications: takes all of them after a moment, and keeps what they say in the order in which they came. */
const openSink = async (stage: Stage): Promise<Server> => {
  const sink = createServer((call, response) => {
    let text = ''
    call.setEncoding('utf8').on('error', () => undefined).on('data', (chunk: string) => { text += chunk }).on('end', () => {
      const instructions = JSON.parse(text) as readonly { readonly h: string; readonly b: string }[]
      for (const { h, b } of instructions) {
        const document = h.includes('subscription-state: active') ? readDocument(b) : undefined
        stage.notices.get(/^To: <sip:(\w+)@/m.exec(h)?.[1] ?? '')?.push({ cseq: Number(/^CSeq: (\d+)/m.exec(h)?.[1]), document })
      }
      setTimeout(() => response.end(`{"r":[${instructions.map(() => 202).join()}]}`), randomInt(10))
    })
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  stage.notifyUrl = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/v1/notify`
  return sink
}

interface Answer {
  readonly reply: { readonly tid: string; readonly code: number; readonly reason: string; readonly body: string }
}

/** What the engine answers to a message; undefined when nobody knows what came of it. */
const post = ({ proxyUrl }: Engine, path: string, tid: string, body: string, patienceMs = PATIENCE_MS): Promise<Answer | undefined> => {
  const init = { method: 'POST', headers: { authorization: AUTHORIZATION, 'content-type': 'message/sip' }, body, signal: AbortSignal.timeout(patienceMs) }
  return fetch(`${proxyUrl}${path}?tid=${tid}&flow=check%2F${tid}&contact=sip%3Acheck.invalid`, init).then(async (response) => (response.ok ? await response.json() as Answer : undefined)).catch(() => undefined)
}

const writeMessage = ({ callId, publisher, operations }: Sent): string => {
  const body = publishBody(`${publisher}@example.com`, operations.map((operation) => ({ ...operation, expireType: 'static' })))
  return [
    `SERVICE ${uriOf(publisher)} SIP/2.0`, `Via: SIP/2.0/TCP 127.0.0.1:5062;branch=z9hG4bK${callId}`, 'Max-Forwards: 70', `From: <${uriOf(publisher)}>;tag=t${callId};epid=${callId.split('-')[1] ?? ''}`, `To: <${uriOf(publisher)}>`,
    `Call-ID: ${callId}`, 'CSeq: 1 SERVICE', `Content-Type: ${mediaTypes.publish}`, `Content-Length: ${Buffer.byteLength(body)}`, '', body,
  ].join('\r\n')
}

const readHeard = ({ reply }: Answer): Heard | undefined => {
  const document = reply.code === 200 ? readDocument(reply.body) : undefined
  const stale = reply.code === 409 ? readFault(reply.body) : undefined
  return document !== undefined ? { code: 200, document } : stale !== undefined ? { code: 409, stale } : undefined
}

/** Sends a request once and keeps what came of it; now and then it does not wait for the answer. */
const deliver = async (stage: Stage, sent: Sent, at: number): Promise<Heard | undefined> => {
  const engine = stage.engines[at] ?? stage.engines[1 - at]
  if (engine === undefined) return undefined
  const begin = performance.now()
  const answer = await post(engine, '/v1/sip', sent.callId, writeMessage(sent), randomInt(50) === 0 ? 1 + randomInt(20) : PATIENCE_MS)
  const heard = answer === undefined ? undefined : readHeard(answer)
  sent.deliveries.push({ sent: begin, answered: performance.now(), heard })
  if (answer !== undefined && answer.reply.tid !== sent.callId) stage.report(`${sent.callId} got the answer of ${answer.reply.tid}`)
  if (answer?.reply.code === 503) stage.count.answered503 += 1
  else if (answer !== undefined && heard === undefined) stage.report(`${sent.callId} got ${answer.reply.code} ${answer.reply.reason} ${answer.reply.body}`)
  stage.count[heard === undefined ? 'notAnswered' : `answered${heard.code}` as const] += 1
  if (heard?.code === 200) {
    if (stage.count.kills > 0 && engine === stage.engines[0]) stage.count.answered200AfterRestart += 1
    // What was acknowledged must be there at once, whatever comes later.
    if (randomInt(20) === 0) {
      stage.count.probes += 1
      const { rowCount } = await stage.pool.query('SELECT 1 FROM check_request WHERE call_id = $1', [sent.callId])
      if (rowCount !== 1) stage.report(`${sent.publisher}: ${sent.callId} was acknowledged before it was stored`)
    }
  }
  return heard
}

/** What a client believes to be stored, from the answers that it got; it is often behind, as others publish too. */
type Beliefs = Map<string, number>

const learn = (beliefs: Beliefs, { publisher, operations }: Sent, heard: Heard): void => {
  if (heard.code === 409) {
    for (const [at, operation] of operations.entries()) beliefs.set(`${publisher} ${keyOf(operation)}`, heard.stale.find(({ index }) => index === at + 1)?.curVersion ?? operation.version)
  } else for (const place of PLACES) {
    const text = heard.document.get(place.category)
    if (text !== undefined) beliefs.set(`${publisher} ${keyOf(place)}`, Number(new RegExp(`^${place.container} ${place.instance} (\\d+)`, 'm').exec(text)?.[1] ?? 0))
  }
}

/** One to four instances of one publisher: created, replaced and deleted at the versions that the client believes in, and now and then at others. */
const compose = (beliefs: Beliefs, client: number, turn: number): Sent => {
  const publisher = PUBLISHERS[randomInt(4) > 0 ? client % PUBLISHERS.length : randomInt(PUBLISHERS.length)] ?? ''
  const spared = CATEGORIES[randomInt(CATEGORIES.length)]
  const places = PLACES.filter(({ category }) => category !== spared)
  const operations = Array.from({ length: 1 + randomInt(4) }, () => places.splice(randomInt(places.length), 1)).flat().map((place, at): Operation => {
    const believed = beliefs.get(`${publisher} ${keyOf(place)}`) ?? 0
    const version = randomInt(20) > 0 ? believed : [0, Math.max(0, believed - 1), believed + 1][randomInt(3)] ?? 0
    const payload = randomInt(believed === 0 ? 20 : 5) === 0 ? undefined : `<propertyList xmlns="urn:presentia:check"><property name="id" type="text"><value>${client}.${turn}.${at}</value></property></propertyList>`
    return { ...place, version, payload }
  })
  return { callId: `check-${client}-${turn}`, publisher, operations, deliveries: [] }
}

const beClient = async (stage: Stage, client: number): Promise<void> => {
  const beliefs: Beliefs = new Map()
  // Those that publish for the same publisher do so through both engines.
  const home = Math.floor(client / PUBLISHERS.length) % 2
  for (let turn = 0; stage.running; turn += 1) {
    if (stage.engines.every((engine) => engine === undefined)) await sleep(50)
    const sent = compose(beliefs, client, turn)
    stage.requests.push(sent)
    // A retransmission may reach the other engine while the first copy is under way, or long after it.
    const copies = randomInt(50) === 0 ? [home, 1 - home] : [home]
    const heard = await Promise.all(copies.map((at) => deliver(stage, sent, at)))
    if (heard.includes(undefined) && randomInt(2) === 0) heard.push(await deliver(stage, sent, 1 - home))
    for (const one of heard) if (one !== undefined) learn(beliefs, sent, one)
  }
}

/** Kills the first engine in the middle, and starts it again a while later. */
const killInTheMiddle = async (stage: Stage): Promise<void> => {
  await sleep(SECONDS * 500)
  const engine = stage.engines[0]
  stage.engines[0] = undefined
  if (engine?.child.kill('SIGKILL') === true) stage.count.kills += 1
  await sleep(SECONDS * 100)
  stage.engines[0] = await startEngine(stage, 0)
}

/** Everything is told when no change waits, nobody is owed anything, and the sink has stopped hearing. */
const waitUntilQuiet = async (stage: Stage): Promise<void> => {
  const heard = (): number => [...stage.notices.values()].reduce((sum, list) => sum + list.length, 0)
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    const before = heard()
    await sleep(300)
    const { rowCount } = await stage.pool.query('SELECT 1 FROM change UNION ALL SELECT 1 FROM deferred')
    if (rowCount === 0 && heard() === before) return
  }
  stage.report(`changes were still waiting to be told ${PATIENCE_MS / 1000} s after the last request`)
}

const verify = async ({ pool, requests, notices, report }: Stage): Promise<Tally> => {
  const tally: Tally = { versionsChecked: 0, lives: 0, documentsChecked: 0, conflictsChecked: 0, staleOperations: 0, unknownStored: 0, notificationsChecked: 0, numbersUsedTwice: 0 }
  for (const publisher of PUBLISHERS) {
    const rows = async <T extends object>(columns: string, table: string): Promise<readonly T[]> => (await pool.query<T>(`SELECT ${columns} FROM ${table} WHERE publisher = $1`, [`${publisher}@example.com`])).rows
    const [{ revision } = { revision: 0 }] = await rows<{ readonly revision: number }>('revision', 'publisher')
    checkHistory({
      publisher, revision, requests: requests.filter((sent) => sent.publisher === publisher), notices: notices.get(publisher) ?? [],
      committed: await rows<CommittedRow>('revision, call_id AS "callId", touch', 'check_request'), writes: await rows<WriteRow>('*', 'check_write'),
      stored: documentOf(await rows<WriteRow>('category, container, instance, instance_version AS version, payload', 'category_instance')),
    }, tally, report)
  }
  return tally
}

const setUp = async (stage: Stage): Promise<void> => {
  const engine = stage.engines[0] = await startEngine(stage, 0)
  await stage.pool.query(RECORD)
  const put = await fetch(`${engine.adminUrl}/admin/v1/domains/example.com`, { method: 'PUT', headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }, body: '{"kind":"enterprise"}' })
  if (!put.ok) throw new Error(`admin: ${put.status}`)
  stage.engines[1] = await startEngine(stage, 1)
  for (const [at, publisher] of PUBLISHERS.entries()) {
    if (await post(engine, '/v1/registration', publisher, wire.register(publisher)) === undefined) throw new Error(`${publisher} cannot register`)
    const answer = await post(stage.engines[at % 2] ?? engine, '/v1/sip', publisher, wire.subscribeSelf(publisher))
    if (answer?.reply.code !== 200) throw new Error(`${publisher} cannot subscribe: ${answer?.reply.code ?? 'no answer'}`)
  }
}

const load = async (stage: Stage): Promise<Readonly<Record<string, number>>> => {
  await setUp(stage)
  const begin = performance.now()
  stage.running = true
  const work = Promise.all([killInTheMiddle(stage), ...Array.from({ length: CLIENTS }, (_, client) => beClient(stage, client))])
  await Promise.race([sleep(SECONDS * 1000), work])
  stage.running = false
  await work
  const rate = Math.round(stage.requests.length / (performance.now() - begin) * 1000)
  await waitUntilQuiet(stage)
  const { answered503, ...count } = stage.count
  const { unknownStored, numbersUsedTwice, ...tally } = await verify(stage)
  if (Object.values({ ...count, ...tally }).includes(0)) stage.report('the run was too short to mean anything')
  return { requests: stage.requests.length, 'requests/s': rate, ...count, answered503, unknownStored, ...tally, numbersUsedTwice }
}

const check = async (databaseUrl: string): Promise<readonly string[]> => {
  const violations: string[] = []
  const stage = createStage(databaseUrl, violations)
  const stop = new AbortController()
  const aborted = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)))
  const tooLate = setTimeout(() => stop.abort(new Error('the check does not end')), SECONDS * 1000 + SPARE_MS - performance.now())
  process.once('exit', () => { for (const child of stage.children) child.kill('SIGKILL') })
  stage.pool.on('error', () => undefined)
  const sink = await openSink(stage)
  try {
    console.table(await Promise.race([load(stage), aborted]))
  } catch (error) {
    stage.report(String(error))
  }
  clearTimeout(tooLate)
  stage.running = false
  stage.engines.fill(undefined)
  await Promise.all([...stage.children].map((child) => new Promise((resolve) => child.once('exit', resolve).kill('SIGKILL'))))
  sink.close().closeAllConnections()
  await stage.pool.end()
  rmSync(stage.folder, { recursive: true, force: true })
  return violations
}

/**
 * `presentia check-versions`: many clients create, replace and delete the same few instances through two engines on PostgreSQL (DATABASE_URL, else a
 * temporary server), one of which is killed in the middle. Then everything that was sent, answered, notified and stored must be one history.
 */
export const run = async (_args: readonly string[]): Promise<void> => {
  const given = process.env['DATABASE_URL']
  const temporary = given === undefined ? await startTemporaryPostgres() : undefined
  const serverUrl = given ?? temporary?.url
  if (serverUrl === undefined) {
    process.stderr.write('the versions check needs PostgreSQL: set DATABASE_URL or install the package postgresql\n')
    process.exit(1)
  }
  const violations = await withFreshDatabase(serverUrl, check).catch((error: unknown) => [String(error)])
  await temporary?.stop()
  process.stdout.write(violations.length === 0 ? 'versions check: passed\n'
    : `${violations.slice(0, 20).join('\n')}\nversions check: failed, ${violations.length} violations\n`)
  process.exit(violations.length === 0 ? 0 : 1)
}
