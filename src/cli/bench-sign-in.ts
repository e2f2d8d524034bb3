import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADMIN_PORT, ENGINE_PORT, startBenchEngine } from './bench-engine.ts'
import { sipLink, type Link } from './bench-link.ts'
import * as wire from './demo-messages.ts'
import { hasKamailio, startKamailio } from './kamailio-process.ts'
import { startTemporaryPostgres, withFreshDatabase } from './temporary-postgres.ts'

const CONTACTS = 300
const SIGN_INS = 10
const CATEGORIES = ['calendarData', 'contactCard', 'note', 'services', 'state']
const SIP_PORT = 18_572
const HTTP_PORT = 18_573

type Row = Readonly<Record<string, string | number>>

const expectOk = async (what: string, status: Promise<number>): Promise<void> => {
  const got = await status
  if (got !== 200) throw new Error(`${what}: ${got}`)
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Everything that a client does from REGISTER to a filled contact list, over one connection. */
const signIn = async (user: string, contacts: readonly string[], link: Link): Promise<{ readonly whole: number; readonly batch: number }> => {
  let batch = 0
  const whole = await timed(async () => {
    await expectOk('register', link.send(wire.register(user)))
    await Promise.all([
      expectOk('self', link.send(wire.subscribeSelf(user))), expectOk('contacts', link.send(wire.subscribeContacts(user))), expectOk('provisioning', link.send(wire.askProvisioning(user))),
      timed(() => expectOk('batch', link.send(wire.watchCategories(user, CATEGORIES, contacts)))).then((ms) => { batch = ms }),
    ])
    await expectOk('members', link.send(wire.setMember(user, 300, 0, 'type="federated"')))
    await expectOk('publish', link.send(wire.publishPresence(user, 'here')))
  })
  return { whole, batch }
}

const median = (values: readonly number[]): number => Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)

const run = async (database: string, databaseUrl: string | undefined): Promise<Row> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-bench-'))
  const [secret, key] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
  const engine = await startBenchEngine(databaseUrl, dataDir, key, secret, `http://127.0.0.1:${HTTP_PORT}/v1/notify`, 'kamailio')
  const kamailio = await startKamailio({ sipPort: SIP_PORT, httpPort: HTTP_PORT, engineUrl: `http://127.0.0.1:${ENGINE_PORT}`, proxyId: 'bench', secret })
  try {
    const put = await fetch(`http://127.0.0.1:${ADMIN_PORT}/admin/v1/domains/example.com`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: '{"kind":"enterprise"}' })
    if (!put.ok) throw new Error(`admin: ${put.status}`)
    const crowd = await sipLink(SIP_PORT, () => undefined)
    const contacts = Array.from({ length: CONTACTS }, (_, at) => `c${at}`)
    for (const contact of contacts) {
      await expectOk('register', crowd.send(wire.register(contact)))
      await expectOk('publish', crowd.send(wire.publishPresence(contact, `${contact} ${'is at work and says so at some length. '.repeat(10)}`)))
    }
    const times: { readonly whole: number; readonly batch: number }[] = []
    let largest = 0
    for (let turn = 0; turn < SIGN_INS; turn += 1) {
      const link = await sipLink(SIP_PORT, () => undefined)
      times.push(await signIn(`u${turn}`, contacts, link))
      largest = link.largest()
      link.close()
    }
    crowd.close()
    return {
      database, contacts: CONTACTS, 'batch answer KB': Math.round(largest / 1024), 'sign-in p50 ms': median(times.map(({ whole }) => whole)), 'sign-in max ms': Math.round(Math.max(...times.map(({ whole }) => whole))),
      'batch p50 ms': median(times.map(({ batch }) => batch)), 'batch max ms': Math.round(Math.max(...times.map(({ batch }) => batch))),
    }
  } finally {
    await kamailio.stop()
    engine.kill('SIGTERM')
    await new Promise((resolve) => engine.once('exit', resolve))
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Signs clients in whose 300 contacts publish, through Kamailio: REGISTER, four SUBSCRIBEs at once, setContainerMembers, publish of device, state and note. */
export const benchSignIn = async (): Promise<readonly Row[]> => {
  if (!hasKamailio()) throw new Error('kamailio is not installed (kamailio/install.sh)')
  const given = process.env['DATABASE_URL']
  const temporary = given === undefined ? await startTemporaryPostgres() : undefined
  const databaseUrl = given ?? temporary?.url
  const rows: Row[] = []
  try {
    if (databaseUrl !== undefined) rows.push(await withFreshDatabase(databaseUrl, (url) => run('PostgreSQL', url)))
    rows.push(await run('embedded', undefined))
  } finally {
    await temporary?.stop()
  }
  return rows
}
