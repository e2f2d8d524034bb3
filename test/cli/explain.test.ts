import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { writeExplanation, type ExplanationText } from '../../src/cli/explain-text.ts'
import { readConfig } from '../../src/config/config.ts'
import { allGranted } from '../../src/core/model/rights.ts'
import { start } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'
import { createDataDirectory, createDirectory } from '../support/database.ts'

const launcher = join(resolve(import.meta.dirname, '../..'), 'bin/presentia.mjs')

/** `presentia explain` in a process of its own. */
const explain = async (args: readonly string[], environment: NodeJS.ProcessEnv): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> => {
  const child = spawn(process.execPath, [launcher, 'explain', ...args], { env: { PATH: process.env['PATH'], ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  return { code, out, err }
}

const [anna, boris, clara, dora] = ['anna@nordwind.example', 'boris@nordwind.example', 'clara@suedwind.example', 'dora@nordwind.example']

t.test('presentia explain against a running engine', async (t) => {
  const dataDir = await createDataDirectory(t)
  const config = readConfig({ PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_SERVER_PUBLICATIONS: 'false', PRESENTIA_LOG_LEVEL: 'silent' })
  const engine = await start(config, createLog(config.logLevel))
  t.teardown(() => engine.stop())
  const admin = async (method: string, path: string, body: object): Promise<void> => {
    const response = await fetch(`${engine.adminAddress}/admin/v1/${path}`, { method, headers: { authorization: `Bearer ${engine.adminKey}`, 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }
  await admin('PUT', 'domains/nordwind.example', { kind: 'enterprise' })
  await admin('PUT', 'domains/evil.example', { kind: 'blocked' })
  for (const user of [anna, boris]) await admin('PUT', `users/${user}`, { displayName: user })
  await admin('PUT', `users/${dora}`, { displayName: 'Dora', rights: { incomingFederated: false } })
  const note = (words: string): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">${words}</body></note>`
  for (const [container, words] of [[0, 'for all'], [200, 'for colleagues'], [400, 'for Clara']] as const) await admin('PUT', `users/${anna}/publications/note/${container}/0`, { xml: note(words) })
  await admin('PUT', `users/${dora}/publications/note/0/0`, { xml: note('for all') })
  await admin('PUT', `users/${anna}/publications/routing/200/0`, { xml: '<routing xmlns="http://schemas.microsoft.com/2006/09/sip/routing"/>' })
  await admin('PUT', `users/${anna}/containers/400`, { members: [{ type: 'user', value: clara }] })
  const url = { PRESENTIA_ADMIN_URL: engine.adminAddress }
  const environment = { ...url, PRESENTIA_DATA_DIR: dataDir }

  await t.test('the trail in words', async (t) => {
    const { code, out, err } = await explain([anna, `sip:${boris}`, 'note'], environment)
    t.strictSame([code, err], [0, ''])
    const lines = out.split('\n')
    t.strictSame(lines.slice(0, 10), [
      `sip:${boris} looks at sip:${anna}`, 'source network: sameEnterprise (by domain)', 'subscribing is allowed', 'note: seen from container 200', '  rules, in the order in which they decide:', `    1. user ${boris}: no container`, '    2. domain nordwind.example: no container', '    3. domain example: no container', '    4. sameEnterprise: container 200 -> 200', '    5. everyone: no container',
    ])
    t.equal(lines[10], '    6. default: container 0 -> 0')
    t.equal(lines[11], '  containers:')
    const containers = lines.slice(12, 21)
    t.strictSame(containers.map((line) => /^ {4}([* ]) +(\d+) /.exec(line)?.slice(1).join('').trim()), ['32000', '400', '300', '*200', '100', '3', '2', '1', '0'], 'highest number first, the one that wins with a star')
    t.equal(containers[1], `        400  [user ${clara}]  none of its members matches the subscriber`)
    t.equal(containers[3], '    *   200  [sameEnterprise]  matched by rule sameEnterprise: the first rule that matches a container with the category, and its highest number')
    t.equal(containers[8], '          0  [everyone]  matched by rule default only, which comes after rule sameEnterprise')
    t.equal(lines[21], '  instances:')
    t.match(lines[22], /^ {4}#0 v1 \d{4}-\d\d-\d\dT\S+Z static <note [^>]+><body type="personal" uri="">for colleagues<\/body><\/note>$/)
    t.match(lines[23], /^ {2}quota: \d+ of 524288 bytes used, 32768 for one publication$/)
    t.equal(lines[24], 'live subscriptions: none')
    t.match(lines[25], /^container members: 3 of 1000; publications: \d+ of 350000 bytes$/)
    t.strictSame(lines.slice(26), [''])
  })

  await t.test('--json is the answer of the admin API', async (t) => {
    const { code, out, err } = await explain([anna, clara, '--json', 'note', 'state'], environment)
    t.strictSame([code, err], [0, ''])
    const response = await fetch(`${engine.adminAddress}/admin/v1/explain?publisher=${anna}&subscriber=${clara}&category=note&category=state`, { headers: { authorization: `Bearer ${engine.adminKey}` } })
    t.strictSame(JSON.parse(out), await response.json())
    t.match(JSON.parse(out), { network: { value: 'federated', from: 'domain' }, categories: [{ category: 'note', container: 400 }, { category: 'state' }] })
  })

  await t.test('--network, wherever it stands', async (t) => {
    const places = [['--network', 'sameEnterprise', anna, 'x@else.example', 'note'], [anna, 'x@else.example', 'note', '--network', 'sameEnterprise']]
    for (const { out } of await Promise.all(places.map((args) => explain(args, environment)))) t.match(out, 'source network: sameEnterprise (by question)\nsubscribing is allowed\nnote: seen from container 200\n')
    const wrong = await explain([anna, boris, '--network', 'lan'], environment)
    t.strictSame([wrong.code, wrong.out], [1, ''])
    t.match(wrong.err, '"status":400')
  })

  await t.test('nothing to see, in words', async (t) => {
    const [blocked, several, nothing, unknown] = await Promise.all([[anna, 'x@evil.example', 'note'], [anna, boris, 'routing', 'never-heard-of'], [boris, anna], ['nobody@nordwind.example', boris]].map((args) => explain(args, environment)))
    t.match(blocked?.out, /^source network: none, its domain is blocked \(by domain\)\nsubscribing is REFUSED \(domainBlocked\): The domain of From is blocked by the administrator\.\nnote: nothing is seen/m)
    t.match(blocked?.out, '\n          0  [everyone]  would be the one, but the domain of the subscriber is blocked\n')
    t.match(several?.out, /^subscribing is allowed\nrouting: private, never given to others$/m)
    t.match(several?.out, '\n        200  [sameEnterprise]  would be the one, but the category is private\n')
    for (const answer of [blocked, several]) t.notMatch(answer?.out ?? ' * ', /^ +\* |^ {2}instances:/m, 'no container wins, and nothing is shown of it')
    t.match(several?.out, /^never-heard-of: nothing is seen \(blocked, or not published\) \(not a registered category\)$/m)
    t.match(nothing?.out, /^nothing is published$/m)
    if (unknown === undefined) throw new Error('no answer')
    t.strictSame([unknown.code, unknown.out], [1, ''])
    t.match(unknown.err, '"status":404')
  })

  await t.test('who may not subscribe at all, in words', async (t) => {
    const [federated, cloud, colleague] = await Promise.all([[dora, clara, 'note'], [dora, clara, 'note', '--network', 'publicCloud'], [dora, boris, 'note']].map((args) => explain(args, environment)))
    t.match(federated?.out, `sip:${clara} looks at sip:${dora}\nsource network: federated (by domain)\nsubscribing is REFUSED (incomingNotGranted): The user named in To may not be watched from the network of the subscriber.\nnote: `)
    for (const other of [cloud, colleague]) t.match(other?.out, /^subscribing is allowed\nnote: seen from container 0$/m, 'each network needs its own right, a colleague none')
  })

  await t.test('the key: from the environment, from the data directory, wrong, or none', async (t) => {
    const [given, wrong, none, listen] = await Promise.all([
      explain([anna, boris], { PRESENTIA_ADMIN_URL: `${engine.adminAddress}/`, PRESENTIA_ADMIN_KEY: engine.adminKey, PRESENTIA_DATA_DIR: createDirectory(t) }), explain([anna, boris], { ...url, PRESENTIA_ADMIN_KEY: 'not-the-key-of-this-engine' }),
      explain([anna, boris], { ...url, PRESENTIA_DATA_DIR: createDirectory(t) }), explain([anna, boris], { PRESENTIA_DATA_DIR: dataDir, PRESENTIA_ADMIN_LISTEN: new URL(engine.adminAddress).host }),
    ])
    t.strictSame([given.code, given.err], [0, ''], 'no engine\'s folder needed; an address with a slash at its end will do')
    t.strictSame([wrong.code, wrong.out], [1, ''])
    t.match(wrong.err, 'the admin key is missing or wrong')
    t.strictSame([none.code, none.out], [2, ''])
    t.match(none.err, /^there is no admin key: set PRESENTIA_ADMIN_KEY/)
    t.strictSame([listen.code, listen.err], [0, ''], 'the address by the engine\'s own setting')
  })
})

t.test('without an engine it says so', async (t) => {
  const away = await explain([anna, boris], { PRESENTIA_ADMIN_URL: 'http://127.0.0.1:1', PRESENTIA_ADMIN_KEY: 'a-key-of-sixteen-letters' })
  t.strictSame([away.code, away.out], [1, ''])
  t.match(away.err, /^the engine does not answer at http:\/\/127\.0\.0\.1:1: .+\n$/)
  t.notMatch(away.err, /\n +at /, 'a sentence, no stack')
})

t.test('without its two names it says how it is used; a wrong setting is named', async (t) => {
  for (const { code, out, err } of await Promise.all([[], [anna, '--json'], [anna, '--network', 'federated']].map((args) => explain(args, { PRESENTIA_ADMIN_KEY: 'a-key-of-sixteen-letters' })))) {
    t.strictSame([code, out], [2, ''])
    t.match(err, /^usage: presentia explain PUBLISHER SUBSCRIBER \[CATEGORY\.\.\.\]/)
  }
  for (const [args, place] of [[[anna, boris, '--jsn'], '--jsn'], [[anna, boris, '--network'], '--network']] as const) {
    const { code, out, err } = await explain(args, { PRESENTIA_ADMIN_KEY: 'a-key-of-sixteen-letters' })
    t.strictSame([code, out], [2, ''], `${place}: nobody is asked`)
    t.match(err, new RegExp(`^.*${place}[^]*\nusage: presentia explain PUBLISHER`), 'the option is named')
    t.notMatch(err, /\n +at /, 'a sentence, no stack')
  }
  const wrong = await explain([anna, boris], { PRESENTIA_ADMIN_KEY: 'short' })
  t.equal(wrong.code, 2)
  t.match(wrong.err, 'PRESENTIA_ADMIN_KEY')
})

t.test('dialogs in words: what each heard last, and what it is owed', async (t) => {
  const dialog = { callId: 'call-7', localTag: 'a', remoteTag: 'b', kind: 'batch', network: 'sameEnterprise', endpointId: 'e-1', proxy: 'kam1', categories: ['note', 'state'], createdAt: '2026-03-02T08:00:00.000Z', expiresAt: '2026-03-02T09:00:00.000Z', lastNotification: { cseq: 4, at: '2026-03-02T08:10:00.000Z', taken: true } }
  const explanation: ExplanationText = {
    publisher: `sip:${anna}`, subscriber: `sip:${boris}`, access: { granted: true, publisherRights: allGranted }, network: { value: 'sameEnterprise', from: 'dialog' }, categories: [], quotas: { members: { used: 0, max: 9 }, publications: { bytes: 0, max: 9 } },
    dialogs: [dialog, { ...dialog, callId: 'call-8', lastNotification: { ...dialog.lastNotification, taken: false }, owed: { attempts: 3, reason: 'the proxy could not send it', dueAt: '2026-03-02T08:11:00.000Z' } }, { ...dialog, callId: 'call-9', owed: { attempts: 0, reason: 'did not fit into the answer', dueAt: '2026-03-02T08:11:00.000Z' } }],
  }
  const line = (callId: string): string => `  batch ${callId}, endpoint e-1, proxy kam1, until 2026-03-02T09:00:00.000Z: note, state; last notification CSeq 4 at 2026-03-02T08:10:00.000Z`
  t.match(writeExplanation(explanation), `live subscriptions:\n${line('call-7')}\n${line('call-8')} was not taken; OWED since 3 attempts (the proxy could not send it), next at 2026-03-02T08:11:00.000Z\n${line('call-9')}; OWED since 0 attempts (did not fit into the answer), next at 2026-03-02T08:11:00.000Z\n`)
})
