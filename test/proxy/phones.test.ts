import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { hasKamailio } from '../../src/cli/kamailio-process.ts'
import { activity } from '../core/aggregation-kit.ts'
import { publishBody, type PublicationText } from '../support/bodies.ts'
import { cutParts } from '../support/heard.ts'
import { checkEmitted } from '../support/infoset.ts'
import { setMembers, single } from '../support/messages.ts'
import { startBaresip } from '../support/phones/baresip.ts'
import { startLinphone } from '../support/phones/linphone.ts'
import { nameOf, type Phone } from '../support/phones/phone.ts'
import { needsProgram, PATIENCE_MS } from '../support/phones/program.ts'
import { playSipp, sippScenarios } from '../support/phones/sipp.ts'
import { startTwinkle } from '../support/phones/twinkle.ts'
import { DESK, machineState, presence, states, userState } from '../support/presence.ts'
import type { Heard, SipClient } from '../support/sip-client.ts'
import { withStack, type Stack } from '../support/stack.ts'
import { DOMAIN, newUsers } from './scenario.ts'

// Softphones that others wrote, and SIPp, through a real Kamailio. Each program that is missing here leaves its part out; REQUIRE_PHONES=1 makes that a failure.

const makers = {
  baresip: { start: startBaresip, needs: 'baresip', transport: 'tcp' },
  linphone: { start: startLinphone, needs: 'linphonec', transport: 'tcp' },
  twinkle: { start: startTwinkle, needs: 'twinkle-console', transport: 'udp' },
} as const
type Make = keyof typeof makers
const makes = ['baresip', 'linphone', 'twinkle'] as const

/** A state in the words of each phone. */
type Shown = Readonly<Record<Make, string>>

const ONLINE: Shown = { baresip: 'Online', linphone: 'Online', twinkle: 'open' }
const BUSY: Shown = { baresip: 'Busy', linphone: 'Busy', twinkle: 'open' }
/** baresip knows no word for away. */
const AWAY: Shown = { baresip: 'Offline', linphone: 'Away', twinkle: 'open' }
const OFFLINE: Shown = { baresip: 'Offline', linphone: 'Offline', twinkle: 'closed' }

interface Placed { readonly make: Make; readonly user: string; readonly phone: Phone }

/** Phones of every make that is installed, each on the desk of a user of its own, all of whom watch each other and `more`. */
const place = async (stack: Stack, more: readonly string[]): Promise<readonly Placed[]> => {
  const users = await newUsers(stack, ...makes)
  const here = makes.map((make, at) => ({ make, user: users[at] ?? '' })).filter(({ make }) => needsProgram(makers[make].needs) === false)
  return Promise.all(here.map(async ({ make, user }) => {
    const buddies = [...here.map((other) => other.user).filter((other) => other !== user), ...more]
    return { make, user, phone: await makers[make].start({ user, buddies, sipPort: stack.sipPort, transport: makers[make].transport }) }
  }))
}

/** All but the user's own phone come to show a buddy so. */
const show = (t: Test, phones: readonly Placed[], buddy: string, shown: Shown, what: string): Promise<unknown> =>
  Promise.all(phones.filter(({ user }) => user !== buddy).map(async ({ make, phone }) => {
    await phone.shows(buddy, shown[make])
    t.pass(`${make} shows ${nameOf(buddy)} ${shown[make]}: ${what}`)
  }))

const publish = async (t: Test, client: SipClient, publications: readonly PublicationText[]): Promise<void> => {
  t.equal((await client.request('SERVICE', { headers: ['Content-Type: application/msrtc-category-publish+xml'], body: publishBody(client.user, publications) })).status, 200)
}

/** The state a notification tells of: its availability and activity; '' where there is none. */
const stateIn = ({ header, body }: Heard): string => {
  const type = header('Content-Type') ?? ''
  const documents = (type.startsWith('multipart/') ? cutParts(type, body).map(({ text }) => text) : [body]).map(checkEmitted)
  return /^state#\S* (?:user: )?aggregate (.*?)(?: since \S+)?(?: (?:at|on) .*)?$/m.exec(presence({ documents }).join('\n'))?.[1] ?? ''
}

/** Lets somebody with enhanced presence watch a user; the answer waits until this is what is seen. */
const watch = async (client: SipClient, publisher: string): Promise<(t: Test, expected: string, what: string) => Promise<void>> => {
  const callId = `w-${client.user}-${publisher}`
  let seen = stateIn(await client.request('SUBSCRIBE', { ...single(publisher, ['state']), callId }))
  return async (t, expected, what) => {
    while (seen !== expected) seen = stateIn(await client.notification(callId, PATIENCE_MS))
    t.pass(`${nameOf(client.user)} sees ${nameOf(publisher)} ${expected}: ${what}`)
  }
}

const PIDF = 'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:op="urn:oma:xml:prs:pidf:oma-pres"'

/** A desk phone that says more than the softphones here can: one PUBLISH, with the tag of the one before. */
const publishes = async (t: Test, client: SipClient, person: string, tag: string | undefined): Promise<string | undefined> => {
  const answer = await client.request('PUBLISH', {
    contact: null, headers: ['Event: presence', 'Expires: 60', 'Content-Type: application/pidf+xml', ...(tag === undefined ? [] : [`SIP-If-Match: ${tag}`])],
    body: `<presence ${PIDF} entity="sip:${client.user}"><tuple id="desk"><status><basic>open</basic></status></tuple><dm:person id="p">${person}</dm:person></presence>`,
  })
  t.equal(answer.status, 200)
  return answer.header('SIP-ETag')
}

const doing = (activity: string): string => `<rpid:activities>${activity}</rpid:activities>`

/** The current entity tag of a user's only phone. */
const tagOf = async (stack: Stack, user: string): Promise<string | undefined> =>
  (await stack.admin('GET', `users/${user}/event-states`) as { readonly items: readonly { readonly entityTag: string }[] }).items[0]?.entityTag

const play = async (t: Test, stack: Stack): Promise<void> => {
  const [erika = '', mia = '', dirk = '', kurt = '', karl = ''] = await newUsers(stack, 'erika', 'mia', 'dirk', 'kurt', 'karl')
  // These two are to lose their power later; until then they refresh what they published.
  const doomed = needsProgram('baresip') === false ? await Promise.all(([[kurt, 'tcp'], [karl, 'udp']] as const).map(async ([user, transport]) =>
    ({ user, transport, phone: await startBaresip({ user, buddies: [erika], sipPort: stack.sipPort, transport, expires: 6 }) }))) : []
  t.teardown(() => Promise.all(doomed.map(({ phone }) => phone.kill())))
  const [client, colleague] = [await stack.client(erika, 'tcp'), await stack.client(mia, 'udp')]
  for (const each of [client, colleague]) t.equal((await each.register()).status, 200)
  const phones = await place(stack, [erika, dirk, kurt, karl])
  t.teardown(() => Promise.all(phones.map(({ phone }) => phone.kill())))

  await t.test('phones of different makes see each other', async (t) => {
    for (const { user } of phones) await show(t, phones, user, ONLINE, 'it has been switched on')
    for (const { make, user, phone } of phones) {
      if (make === 'linphone') continue
      for (const [state, shown] of [['offline', OFFLINE], ['online', ONLINE]] as const) {
        await phone.goes(state)
        await show(t, phones, user, shown, `its user says to be ${state}`)
      }
    }
  })

  const tags = await Promise.all(doomed.map(({ user }) => tagOf(stack, user)))

  await t.test('phones see a client of enhanced presence', async (t) => {
    const steps: readonly (readonly [what: string, publications: readonly PublicationText[], shown: Shown])[] = [
      ['signed in', machineState(DESK, 3500), ONLINE],
      ['busy', userState(6500), BUSY],
      ['away', userState(15500, { version: 1 }), AWAY],
      ['in a call', [...userState(3500, { version: 2 }), ...states('phoneState', 6500, { instance: 0x80000001, more: activity('on-the-phone', 6500, 8999) })], { ...BUSY, linphone: 'On the phone' }],
      ['be right back', userState(12500, { version: 3 }), AWAY],
      ['not to be disturbed', userState(9500, { version: 4 }), BUSY],
    ]
    for (const [what, publications, shown] of steps) {
      await publish(t, client, publications)
      await show(t, phones, erika, shown, what)
    }
  })

  await t.test('a client of enhanced presence sees phones', async (t) => {
    for (const { make, user, phone } of phones) {
      const sees = await watch(client, user)
      await sees(t, '3500', `${make} is on`)
      if (make === 'linphone') continue
      await phone.goes('offline')
      await sees(t, '18500', `its user says to be offline`)
      await phone.goes('online')
      await sees(t, '3500', `and online`)
    }
  })

  await t.test('the keys of a desk phone, as everybody sees them', async (t) => {
    const desk = await stack.client(dirk, 'udp')
    let tag = await publishes(t, desk, '', undefined)
    t.equal((await desk.request('SERVICE', setMembers(300, 0, `type="user" value="${mia}"`))).status, 200)
    const [public_, workgroup] = [await watch(client, dirk), await watch(colleague, dirk)]
    const keys: readonly (readonly [what: string, person: string, shown: Shown, level200: string, level300: string])[] = [
      ['idle', '', ONLINE, '3500', '3500'],
      ['in a call', doing('<rpid:on-the-phone/>'), { ...BUSY, linphone: 'On the phone' }, '6500 on-the-phone', '6500 on-the-phone'],
      ['away', doing('<rpid:away/>'), AWAY, '15500 away', '15500 away'],
      ['do not disturb, as OMA has it', '<op:overriding-willingness><op:basic>closed</op:basic></op:overriding-willingness>', BUSY, '9500', '6900 urgent-interruptions-only'],
      ['and open again', '', ONLINE, '3500', '3500'],
      ['do not disturb, as Linphone has it', doing('<rpid:busy>Do not disturb</rpid:busy>'), BUSY, '9500', '6900 urgent-interruptions-only'],
    ]
    for (const [what, person, shown, level200, level300] of keys) {
      tag = await publishes(t, desk, person, tag)
      await Promise.all([public_(t, level200, what), workgroup(t, level300, what), show(t, phones, dirk, shown, what)])
    }
  })

  await t.test('phones without power are gone when their publications have run out', { skip: needsProgram('baresip') }, async (t) => {
    const sees = await Promise.all(doomed.map(({ user }) => watch(client, user)))
    for (const [at, { user, phone, transport }] of doomed.entries()) {
      await phone.shows(erika, 'Busy')
      await sees[at]?.(t, '3500', `it is on, by ${transport}`)
      for (const deadline = Date.now() + PATIENCE_MS; ;) {
        const tag = await tagOf(stack, user)
        if (tag !== undefined && tag !== tags[at]) break
        if (Date.now() > deadline) throw new Error(`nothing was refreshed\n${phone.output()}`)
        await sleep(100)
      }
    }
    await Promise.all(doomed.map(({ phone }) => phone.kill()))
    for (const [at, { user }] of doomed.entries()) await Promise.all([sees[at]?.(t, '18000', 'it was not refreshed'), show(t, phones, user, OFFLINE, 'it was not refreshed')])
  })

  await t.test('who leaves takes everything along', async (t) => {
    t.equal((await client.register(0)).status, 200)
    await show(t, phones, erika, OFFLINE, 'signed out')
    for (let left = phones; left.length > 0; left = left.slice(1)) {
      const [leaving] = left
      if (leaving === undefined) break
      await leaving.phone.stop()
      await show(t, left.slice(1), leaving.user, OFFLINE, 'it was switched off')
      t.same(await stack.admin('GET', `users/${leaving.user}/event-states`), { items: [] }, `nothing is left of what ${leaving.make} published`)
    }
  })
}

if (!hasKamailio()) {
  if (process.env['REQUIRE_KAMAILIO'] === '1') t.fail('kamailio is required and not installed')
  else await t.test('softphones and SIPp through Kamailio', { skip: 'kamailio is not installed (kamailio/install.sh)' }, async () => undefined)
} else {
  await withStack({ engine: { PRESENTIA_PUBLISH_EXPIRES_MIN: '5', PRESENTIA_SUBSCRIPTION_EXPIRES_MIN: '5', PRESENTIA_LOST_CONNECTION_GRACE_MS: '1000' } }, async (stack) => {
    await stack.admin('PUT', `domains/${DOMAIN}`, { kind: 'enterprise' })
    for (const file of sippScenarios()) {
      for (const transport of ['udp', 'tcp'] as const) {
        await t.test(`SIPp, ${file} over ${transport}`, { skip: needsProgram('sipp') }, async (t) => {
          const [user = '', other = ''] = await newUsers(stack, 'sina', 'olaf')
          t.same(await playSipp({ file, transport, sipPort: stack.sipPort, keys: { user, other } }), { status: 0, said: '' })
        })
      }
    }
    const missing = makes.map((make) => needsProgram(makers[make].needs)).filter((why) => why !== false)
    await t.test('softphones and enhanced presence', { skip: missing.length > 1 ? missing.join('; ') : false }, (t) => play(t, stack))
  })
}
