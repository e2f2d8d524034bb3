import { databaseKinds, onDatabases } from './bench-database.ts'
import { expectOk, type Link } from './bench-link.ts'
import { withStage } from './bench-stage.ts'
import { ascending, timed, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { hasKamailio } from './kamailio-process.ts'

const CONTACTS = 300
const SIGN_INS = 10
const CATEGORIES = ['calendarData', 'contactCard', 'note', 'services', 'state']

/** Everything that a client does from REGISTER to a filled contact list, over one connection. */
const signIn = async (user: string, contacts: readonly string[], link: Link): Promise<{ readonly whole: number; readonly batch: number; readonly largest: number }> => {
  let batch = 0
  let largest = 0
  const whole = await timed(async () => {
    await expectOk('register', link.send(wire.register(user)))
    await Promise.all([
      expectOk('self', link.send(wire.subscribeSelf(user))), expectOk('contacts', link.send(wire.subscribeContacts(user))), expectOk('provisioning', link.send(wire.askProvisioning(user))),
      timed(() => expectOk('batch', link.send(wire.watchCategories(user, CATEGORIES, contacts))).then(({ length }) => { largest = length })).then((ms) => { batch = ms }),
    ])
    await expectOk('members', link.send(wire.setMember(user, 300, 0, 'type="federated"')))
    await expectOk('publish', link.send(wire.publishPresence(user, 'here')))
  })
  return { whole, batch, largest }
}

const median = (values: readonly number[]): number => Math.round(ascending(values)[Math.floor(values.length / 2)] ?? 0)

const run = (database: string, databaseUrl: string | undefined): Promise<Row> =>
  withStage({ way: 'kamailio', databaseUrl }, async (stage) => {
    const crowd = await stage.open()
    const contacts = Array.from({ length: CONTACTS }, (_, at) => `c${at}`)
    for (const contact of contacts) {
      await expectOk('register', crowd.send(wire.register(contact)))
      await expectOk('publish', crowd.send(wire.publishPresence(contact, `${contact} ${'is at work and says so at some length. '.repeat(10)}`)))
    }
    const times: Awaited<ReturnType<typeof signIn>>[] = []
    for (let turn = 0; turn < SIGN_INS; turn += 1) {
      const link = await stage.open()
      times.push(await signIn(`u${turn}`, contacts, link))
      link.close()
    }
    const [wholes, batches] = [times.map(({ whole }) => whole), times.map(({ batch }) => batch)]
    return {
      database, contacts: CONTACTS, 'batch answer KB': Math.round(Math.max(...times.map(({ largest }) => largest)) / 1024), 'sign-in p50 ms': median(wholes), 'sign-in max ms': Math.round(Math.max(...wholes)),
      'batch p50 ms': median(batches), 'batch max ms': Math.round(Math.max(...batches)),
    }
  })

/** Signs clients in whose 300 contacts publish, through Kamailio: REGISTER, four SUBSCRIBEs at once, setContainerMembers, publish of device, state and note. */
export const benchSignIn = async (): Promise<readonly Row[]> => {
  if (!hasKamailio()) throw new Error('kamailio is not installed (kamailio/install.sh)')
  return onDatabases(databaseKinds, async (kind, url) => [await run(kind === 'postgres' ? 'PostgreSQL' : kind, url)])
}
