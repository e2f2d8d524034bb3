import { publishBody } from '../../support/bodies.ts'
import { cutParts } from '../../support/heard.ts'
import { checkEmitted } from '../../support/infoset.ts'
import { selfSubscribe, setMembers, single } from '../../support/messages.ts'
import { arrival, DESK, machineState, MOBILE, presence, userState } from '../../support/presence.ts'
import type { Heard, SipClient } from '../../support/sip-client.ts'
import { newUsers, type Scenario } from '../scenario.ts'

/** What a message says of the user, times of day left out. */
const told = ({ header, body }: Heard): readonly string[] => {
  const type = header('Content-Type') ?? ''
  const documents = (type.startsWith('multipart/') ? cutParts(type, body).map(({ text }) => text) : [body]).map(checkEmitted)
  return presence({ documents }).map((line) => line.replace(/ since \d\d:\d\d:\d\d/, ' since then'))
}

export const scenario: Scenario = {
  title: 'aggregation: two endpoints, one goes idle, one leaves, then the other; watchers of each container see what they should (3.8)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = '', gerd = '', hanna = '', ivo = ''] = await newUsers(stack, 'anna', 'boris', 'gerd', 'hanna', 'ivo')
    const clara = `clara-${anna.split('@', 1)[0]}@partner.example`
    const [desk, mobile] = [await stack.client(anna, transport), await stack.client(anna, transport)]
    for (const client of [desk, mobile]) t.equal((await client.register()).status, 200)
    const publishes = (client: SipClient, publications: Parameters<typeof publishBody>[1]) => client.request('SERVICE', { headers: ['Content-Type: application/msrtc-category-publish+xml'], body: publishBody(anna, publications) })

    // Partners see 100 and colleagues 200, as for every new user; friends, the inner circle and the blocked are Anna's choice.
    for (const [container, user] of [[300, gerd], [400, hanna], [32000, ivo]] as const) t.equal((await desk.request('SERVICE', setMembers(container, 0, `type="user" value="${user}"`))).status, 200)
    t.equal((await publishes(desk, [...userState(18500, { containers: [32000] }), { category: 'services', container: 32000, data: '<services xmlns="http://schemas.microsoft.com/2006/09/sip/service"/>' }])).status, 200)
    const watchers: (readonly [level: number, client: SipClient])[] = []
    for (const [level, user] of [[100, clara], [200, boris], [300, gerd], [400, hanna], [32000, ivo]] as const) {
      const client = await stack.client(user, transport)
      if (user !== clara) await client.register()
      const answer = await client.request('SUBSCRIBE', { ...single(anna, ['state', 'services']), callId: `w-${user}` })
      t.same([answer.status, told(answer)], [200, level === 32000 ? ['state#0x20000000: user 18500', 'services#0: '] : ['state (none)', 'services (none)']], `${level}: before she has ever signed in`)
      watchers.push([level, client])
    }
    const self = `self-${mobile.epid}`
    await mobile.request('SUBSCRIBE', { ...selfSubscribe(['categories']), callId: self })
    /** Each watcher hears one notification, with these lines; the blocked one hears nothing. */
    const hear = async (what: string, expected: Readonly<Record<100 | 200 | 300 | 400, string>>, services: string): Promise<void> => {
      for (const [level, client] of watchers) {
        if (level === 32000) continue
        t.same(told(await client.notification(`w-${client.user}`)), [expected[level as 100], services], `${level}: ${what}`)
      }
      for (const [level, client] of watchers) t.same(client.unheard(), [], `${level}: and nothing else`)
    }
    const can = (...words: readonly string[]): string => `services#0: sip:${anna} ${words.join(', ')}`
    const atDesk = 'at Werk 2 (MEZ) on computer'

    const arrived = await publishes(desk, arrival(DESK, anna))
    t.equal(arrived.status, 200)
    t.ok(told(arrived).includes(`state#1 in 300 v1 user: aggregate 3500 ${atDesk}`), 'what is computed is part of the answer')
    t.ok(told(arrived).includes('legacyInterop#1 in 200 v1 user: 3500'))
    t.same([...told(await mobile.notification(self))].sort(), [...told(arrived)].sort(), 'and of what her other endpoint hears')
    await hear('she is at her desk', { 100: 'state#1: aggregate 3500', 200: 'state#1: aggregate 3500 on computer', 300: `state#1: aggregate 3500 ${atDesk}`, 400: `state#1: aggregate 3500 ${atDesk}` }, can('text 3500', 'voice 3500'))

    t.equal((await publishes(mobile, arrival(MOBILE, anna, 5000))).status, 200)
    await mobile.notification(self)
    t.equal((await publishes(desk, machineState(DESK, 5000, 1))).status, 200)
    await mobile.notification(self)
    // The idle mobile changed nothing that they see: the next they hear is the idle desk.
    await hear('the desk is idle as well', { 100: 'state#1: aggregate 5000', 200: 'state#1: aggregate 5000 since then on computer', 300: `state#1: aggregate 5000 since then ${atDesk}`, 400: `state#1: aggregate 5000 since then ${atDesk}` }, can('text 5000', 'voice 5000'))

    t.equal((await desk.register(0)).status, 200)
    t.ok(told(await mobile.notification(self)).some((line) => line.startsWith('state#1 in 300 v3 user: aggregate 5000 since then at Am Deich')))
    await hear('the desk leaves', { 100: 'state#1: aggregate 5000', 200: 'state#1: aggregate 5000 since then on mobile', 300: 'state#1: aggregate 5000 since then at Am Deich (MEZ) on mobile', 400: 'state#1: aggregate 5000 since then at Am Deich (MEZ) on mobile' }, can('text 5000'))

    // The last one: signed out, or its connection breaks and nobody comes back.
    if (transport === 'udp') t.equal((await mobile.register(0)).status, 200)
    else mobile.close()
    const gone = 'state#0: aggregate 18000 since then'
    await hear('nobody is left', { 100: 'state#0: aggregate 18000', 200: gone, 300: gone, 400: gone }, 'services (none)')
    const fresh = await watchers[1]?.[1].request('SUBSCRIBE', { ...single(anna, ['state', 'services']), callId: `again-${boris}` })
    t.same(fresh === undefined ? [] : told(fresh), [gone, 'services (none)'], 'that is what is stored')
  },
}
