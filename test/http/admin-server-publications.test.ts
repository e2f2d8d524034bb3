import type { InjectOptions } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import { start, type Running } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'
import { poolSession } from '../../src/store/session.ts'
import { adminDeps, KEY } from '../support/admin.ts'
import { createDataDirectory } from '../support/database.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld(t)
const HANNA = 'hanna@nordwind.example'

interface Item { readonly category: string; readonly container: number; readonly instance: number; readonly version: number; readonly expireType: string; readonly xml: string }

const places = (items: readonly Item[]): readonly string[] => items.map(({ category, container, instance, version, expireType }) => `${category}#${instance} in ${container} v${version} ${expireType}`)

const EVERYTHING = [
  'contactCard#0 in 0 v1 static', 'userProperties#0 in 1 v1 static', 'contactCard#0 in 100 v1 static', 'contactCard#0 in 200 v1 static', 'contactCard#0 in 300 v1 static', 'contactCard#0 in 400 v1 static', 'contactCard#0 in 32000 v1 static', 'legacyInterop#0 in 32000 v1 static',
]

const build = async (serverPublications = true) => {
  const categories = createCategoryDirectory(poolSession(world.store.pool), () => world.now, false)
  await world.reset({ categories, serverPublications })
  const woken: string[] = []
  const lines: string[] = []
  const app = await buildAdminApp(adminDeps(world, {
    wake: (publishers) => { woken.push(...publishers); world.delivery.wake(publishers) }, log: createLog('warn', { write: (line: string) => { lines.push(line) } }),
  }))
  const call = async (method: 'GET' | 'PUT' | 'DELETE', path: string, payload?: object) => {
    const response = await app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}` }, ...(payload === undefined ? {} : { payload: payload as Exclude<InjectOptions['payload'], undefined> }) })
    await world.delivery.idle()
    return response
  }
  const items = async (user = HANNA): Promise<readonly Item[]> => (await call('GET', `/users/${user}/publications`)).json<{ items: readonly Item[] }>().items
  return { call, items, woken, lines }
}

t.test('3.2.6.2: PUT publishes what is said of the user, at once and only when it differs', async (t) => {
  const { call, items, woken } = await build()
  const whole = { displayName: 'Hanna "Ö" <H>', email: 'h@nordwind.example', phone: '+49 30 1', fax: '+49 30 2', voiceMail: 'EUM:hanna', country: 'DE' }
  const created = await call('PUT', `/users/${HANNA}`, whole)
  t.equal(created.statusCode, 201)
  t.match(created.json(), whole, 'fax and voice mail are kept too')
  const first = await items()
  t.strictSame([places(first), woken], [EVERYTHING, [HANNA]])
  t.match(first[0]?.xml, '<displayName>Hanna &quot;Ö&quot; &lt;H&gt;</displayName></name><email>h@nordwind.example</email>')
  t.match(first[1]?.xml, '<line lineType="Uc">tel:+49301</line></lines><telephonyMode>Uc</telephonyMode><facsimileTelephoneNumber>+49 30 2</facsimileTelephoneNumber><countryCode>DE</countryCode><exumEnabled>1</exumEnabled><exumURL>EUM:hanna</exumURL>')
  for (const body of [whole, { ...whole, title: 'Lotsin' }, { ...whole, rights: { incomingFederated: true } }]) t.equal((await call('PUT', `/users/${HANNA}`, body)).statusCode, 200)
  t.strictSame([places(await items()), woken], [EVERYTHING, [HANNA]], 'nothing to tell')
  t.equal((await call('PUT', `/users/${HANNA}`, { displayName: whole.displayName, phone: '+49 30 1', country: 'Germany' })).statusCode, 200)
  const later = await items()
  t.strictSame([places(later), woken], [EVERYTHING.map((place) => (place.startsWith('legacy') ? place : place.replace('v1', 'v2'))), [HANNA, HANNA]])
  t.notMatch(later.map(({ xml }) => xml).join(), /email|countryCode|exum|facsimile/, 'what is no longer said is gone')
  await call('DELETE', `/users/${HANNA}`)
  t.equal(await world.count(`category_instance WHERE publisher = '${HANNA}'`), 0)
})

t.test('what the operator has set for a category never fails the change of a user', async (t) => {
  const { call, items, lines } = await build()
  await call('DELETE', '/categories/legacyInterop')
  await call('PUT', '/categories/userProperties', { maxBytes: 30, readOnlyContainers: [1] })
  t.equal((await call('PUT', `/users/${HANNA}`, { displayName: 'Hanna' })).statusCode, 201)
  t.strictSame(places(await items()), EVERYTHING.filter((place) => place.startsWith('contactCard')))
  t.strictSame(lines.map((line) => { const { user, failure } = JSON.parse(line) as Record<string, unknown>; return [user, failure] }), [[HANNA, 'publicationTooLarge']], 'one is told, one is as it should be')
  t.equal((await call('PUT', `/users/${HANNA}`, { displayName: 'Hanna', city: '\u0001' })).statusCode, 200, 'nor does what XML cannot carry')
})

t.test('switched off, users are only users', async (t) => {
  const { call, items, woken } = await build(false)
  t.equal((await call('PUT', `/users/${HANNA}`, { displayName: 'Hanna' })).statusCode, 201)
  t.strictSame([await items(), woken], [[], []])
})

/** A whole engine on an embedded database. */
const withEngine = async (dataDir: string, settings: Readonly<Record<string, string>>, work: (call: (method: string, path: string, body?: object) => Promise<{ readonly status: number; readonly items: readonly Item[] }>, engine: Running) => Promise<void>): Promise<void> => {
  const engine = await start(readConfig({ PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_KEY: KEY, PRESENTIA_LOG_LEVEL: 'silent', ...settings }), createLog('silent'))
  try {
    await work(async (method, path, body) => {
      const response = await fetch(`${engine.adminAddress}/admin/v1${path}`, { method, headers: { authorization: `Bearer ${KEY}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      return { status: response.status, items: text === '' ? [] : (JSON.parse(text) as { items?: readonly Item[] }).items ?? [] }
    }, engine)
  } finally {
    await engine.stop()
  }
}

t.test('an engine publishes by default, its timer heals, and a setting switches both off', async (t) => {
  const dataDir = await createDataDirectory(t)
  const path = `/users/${HANNA}/publications`
  await withEngine(dataDir, { PRESENTIA_SERVER_PUBLICATIONS: 'false' }, async (call) => {
    await call('PUT', '/domains/nordwind.example', { kind: 'enterprise' })
    t.equal((await call('PUT', `/users/${HANNA}`, { displayName: 'Hanna' })).status, 201)
    t.strictSame((await call('GET', path)).items, [])
  })
  await withEngine(dataDir, { PRESENTIA_SERVER_PUBLICATION_MS: '1000' }, async (call, engine) => {
    const settled = async (): Promise<readonly string[]> => {
      for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(100)) {
        const found = places((await call('GET', path)).items)
        if (found.length === EVERYTHING.length) return found
      }
      return []
    }
    t.strictSame(await settled(), EVERYTHING, 'a user from before')
    t.equal((await call('DELETE', `${path}/contactCard/200/0`)).status, 204)
    t.strictSame(await settled(), EVERYTHING, 'what was lost')
    t.equal((await call('PUT', '/users/ivo@nordwind.example', { displayName: 'Ivo' })).status, 201)
    t.strictSame(places((await call('GET', '/users/ivo@nordwind.example/publications')).items), EVERYTHING, 'a new user')
    t.equal((await engine.query("SELECT * FROM user_round WHERE name = 'server publications'")).length, 1)
  })
  await withEngine(dataDir, { PRESENTIA_SERVER_PUBLICATIONS: 'false' }, async (call, engine) => {
    t.strictSame(await engine.query("SELECT * FROM user_round WHERE name = 'server publications'"), [], 'should it be switched on again, the first round is due at once')
    t.strictSame(places((await call('GET', path)).items), EVERYTHING, 'what was published stays')
  })
})
