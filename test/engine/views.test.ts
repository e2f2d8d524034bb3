import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { uncheckedRegistry } from '../support/unchecked.ts'
import type { CategoryDirectory } from '../../src/engine/category-directory.ts'
import { viewAs } from '../../src/engine/explain.ts'
import { deferWatchers } from '../../src/store/deferred.ts'
import { loadDialogs } from '../../src/store/dialogs.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { loadResources } from '../../src/store/subscriptions.ts'
import { added, batchBody, contactFields, roamingBody } from '../support/bodies.ts'
import { AUTOEXTEND, PLAIN, type Client, type Subscription } from '../support/client.ts'
import { testServer } from '../support/database.ts'
import { Follower, readView } from '../support/follower.ts'
import { readInfoset } from '../support/infoset.ts'
import { openWorld, people } from '../support/world.ts'
import { countChanges, countDeferred } from '../support/pending.ts'

/**
 * The promise as a whole (design 1): whatever happens, each living dialog's last heard documents equal what its subscriber would be shown now.
 * Random days of a few users, with all that can go wrong on the way to a client, are played, and compared when nothing is owed any more.
 */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people
const session = poolSession(world.store.pool)

const publishers = [anna, boris, gerd] as const
const categories = ['note', 'state', 'services'] as const
const containers = [0, 100, 300] as const
const lives = ['static', 'user', 'endpoint', 'time'] as const
const scopes = ['categories', 'containers', 'subscribers', 'delegates'] as const
const seats = [[anna, 'a1'], [anna, 'a2'], [boris, 'b1'], [boris, 'b2'], [gerd, 'g1'], [clara, 'c1']] as const

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1 })
const among = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const seat = fc.nat(seats.length - 1)
const style = among(['usual', 'plain', 'autoextend', 'short'] as const)

/** What can happen; each is understood whatever happened before. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publish' as const), seat, category: among(categories), container: among(containers), life: among(lives), data: fc.option(fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 2 }), { freq: 4 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('member' as const), seat, container: among(containers), member: among([`user ${boris}`, `user ${gerd}`, 'domain suedwind.example', 'sameEnterprise', 'federated', 'everyone']), add: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('watch' as const), seat, style, publishers: some(publishers), categories: some(categories), context: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), seat, actions: fc.array(fc.record({ name: among(['subscribe', 'unsubscribe'] as const), publishers: some(publishers), categories: some(categories) }), { minLength: 1, maxLength: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('own' as const), seat, style, scope: some(scopes), list: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('refresh' as const), seat, kind: among(['views', 'self', 'list'] as const), scope: fc.option(some(scopes)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), seat, kind: among(['views', 'self', 'list'] as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('contact' as const), seat, user: among([...publishers, clara]), group: fc.boolean(), remove: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('people' as const), seat, user: among(publishers), acknowledge: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('time' as const), seconds: among([0.2, 1, 6, 40, 130]) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), seat, lost: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('return' as const), seat, elsewhere: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('trouble' as const), seat, what: among(['failing', 'gone', 'down', 'hushed', 'none', 'none'] as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('notify failed' as const), seat, kind: among(['views', 'self', 'list'] as const), code: among([408, 500, 481]) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('privacy' as const), category: among(categories) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Of<K extends Step['do']> = Extract<Step, { do: K }>
type Kind = 'views' | 'self' | 'list'

const headersOf = { usual: {}, plain: PLAIN, autoextend: { ...AUTOEXTEND, Expires: '120' }, short: { Expires: '120' } } as const

const query = async <T>(sql: string, values: readonly unknown[]): Promise<T | undefined> => (await world.store.pool.query<{ value: T }>(sql, [...values])).rows[0]?.value

/** One endpoint: its client, and the dialogs that it follows. */
interface Seat {
  readonly client: Client
  online: boolean
  readonly dialogs: Map<Kind, Follower>
  /** What its category dialog must be watching. */
  watched: Map<string, ReadonlySet<string>>
  scope: readonly string[]
}

/** One random day. */
class Day {
  readonly seats: readonly Seat[] = seats.map(([user, epid]) => ({ client: world.client(user, epid), online: false, dialogs: new Map(), watched: new Map(), scope: [] }))
  private readonly secret = new Set<string>()
  private data = 0
  readonly registry: CategoryDirectory = {
    registry: async () => ({ ...uncheckedRegistry, rules: new Map([...uncheckedRegistry.rules].map(([name, rule]) => [name, this.secret.has(name) ? { ...rule, private: true } : rule])) }),
    forget: () => undefined,
  }

  at(index: number): Seat {
    const found = this.seats[index]
    if (found === undefined) throw new Error(`no seat ${index}`)
    return found
  }

  /** Everyone reads what has arrived. */
  listen(): void {
    for (const { client, dialogs } of this.seats) {
      for (const heard of client.hears()) {
        const [kind, follower] = [...dialogs].find(([, { subscription }]) => heard.header('Call-ID') === subscription.callId) ?? []
        follower?.heard(heard)
        if (kind !== undefined && follower?.ended === true) dialogs.delete(kind)
      }
    }
  }

  private async open(seat: Seat, kind: Kind, opened: Promise<Subscription>): Promise<boolean> {
    const subscription = await opened
    if (subscription.answer.status !== 200) return false
    seat.dialogs.set(kind, new Follower(subscription))
    return true
  }

  private plan(before: ReadonlyMap<string, ReadonlySet<string>>, actions: Of<'change'>['actions']): Map<string, ReadonlySet<string>> {
    const after = new Map(before)
    for (const { name, publishers: named, categories: all } of actions) {
      const visible: readonly string[] = all.filter((category) => !this.secret.has(category))
      for (const publisher of named) {
        const now: readonly string[] = [...after.get(publisher) ?? []]
        const left = now.filter((category) => !visible.includes(category))
        if (name === 'subscribe') after.set(publisher, new Set([...now, ...visible]))
        else if (left.length === 0) after.delete(publisher)
        else after.set(publisher, new Set(left))
      }
    }
    return after
  }

  readonly steps: { readonly [K in Step['do']]: (step: Of<K>) => Promise<unknown> } = {
    publish: async ({ seat, category, container, life, data }) => {
      const { client, online } = this.at(seat)
      if (!online || client.user === clara) return
      const instance = lives.indexOf(life)
      const version = await query<number>('SELECT instance_version AS value FROM category_instance WHERE publisher = $1 AND category = $2 AND container = $3 AND instance = $4 AND coalesce(expires_at > $5, true)', [client.user, category, container, instance, world.now]) ?? 0
      if (data === null && version === 0) return
      this.data += 1
      const content = data === null ? { expires: 0 } : { data: `${data}${this.data}`, ...(life === 'time' ? { expires: 60 } : {}) }
      assert.equal((await client.publishes([{ category, container, instance, version, expireType: life, ...content }])).status, 200)
    },
    member: async ({ seat, container, member, add }) => {
      const { client, online } = this.at(seat)
      if (!online || client.user === clara) return
      const version = await query<number>('SELECT members_version AS value FROM container WHERE publisher = $1 AND container = $2', [client.user, container]) ?? 0
      await client.setsMembers([{ id: container, version, members: [`${add ? '' : '-'}${member}`] }])
    },
    watch: async ({ seat, style, publishers: named, categories: wanted, context }) => {
      const at = this.at(seat)
      const [first = anna] = named
      const resources = (at.client.user === clara ? [first] : named).map((user) => (context ? added(user) : user))
      const actions = [{ name: 'subscribe' as const, publishers: resources, categories: wanted }]
      const options = { headers: headersOf[style], body: batchBody(actions) }
      if (await this.open(at, 'views', at.client.user === clara ? at.client.subscribesOne(first, wanted, options) : at.client.subscribes(named, wanted, options))) {
        at.watched = this.plan(new Map(), [{ name: 'subscribe', publishers: at.client.user === clara ? [first] : named, categories: wanted }])
      }
    },
    change: async ({ seat, actions }) => {
      const at = this.at(seat)
      const follower = at.dialogs.get('views')
      if (follower === undefined || at.client.user === clara) return
      const answer = await follower.subscription.sends({ body: batchBody(actions) })
      follower.answered(answer)
      if (answer.status === 200) at.watched = this.plan(at.watched, actions)
    },
    own: async ({ seat, style, scope, list }) => {
      const at = this.at(seat)
      if (at.client.user === clara) return
      const headers = headersOf[style]
      if (list) await this.open(at, 'list', at.client.subscribesContacts({ headers }))
      else if (await this.open(at, 'self', at.client.subscribesSelf(scope, { headers }))) at.scope = scope
    },
    refresh: async ({ seat, kind, scope }) => {
      const at = this.at(seat)
      const follower = at.dialogs.get(kind)
      if (follower === undefined) return
      const body = kind === 'self' && scope !== null ? roamingBody(scope) : ''
      const answer = await follower.subscription.refreshes({ body })
      follower.answered(answer)
      if (answer.status === 200 && body !== '' && scope !== null) at.scope = scope
    },
    cancel: async ({ seat, kind }) => {
      const { dialogs } = this.at(seat)
      await dialogs.get(kind)?.subscription.cancels()
      dialogs.delete(kind)
    },
    contact: async ({ seat, user, group, remove }) => {
      const { client } = this.at(seat)
      if (client.user === clara) return
      const deltaNum = await query<number>('SELECT delta_num AS value FROM contact_list WHERE user_uri = $1', [client.user]) ?? 1
      if (group && remove) await client.asksSoap('deleteGroup', { groupID: 2, deltaNum })
      else if (group) await client.asksSoap('addGroup', { name: `group ${deltaNum}`, deltaNum })
      else if (remove) await client.asksSoap('deleteContact', { URI: user, deltaNum })
      else await client.asksSoap('setContact', contactFields(user, deltaNum, { displayName: `at ${deltaNum}`, groups: (await query('SELECT id AS value FROM contact_group WHERE user_uri = $1 AND id = 2', [client.user])) === undefined ? '1' : '2' }))
    },
    people: async ({ seat, user, acknowledge }) => {
      const { client } = this.at(seat)
      if (client.user === clara) return
      if (acknowledge) await client.setsSubscribers(user)
      else await client.setsDelegates(await query<number>('SELECT version AS value FROM delegate_list WHERE publisher = $1', [client.user]) ?? 0, { user, action: 'add', publish: 'allow' })
    },
    time: async ({ seconds }) => {
      world.advance(seconds)
      await world.timers()
    },
    leave: async ({ seat, lost }) => {
      const at = this.at(seat)
      if (at.client.user === clara) return
      at.online = false
      if (lost) await at.client.losesBinding()
      else await at.client.deregisters()
    },
    return: async ({ seat, elsewhere }) => {
      const at = this.at(seat)
      if (at.client.user === clara) return
      if (elsewhere) at.client.flow = `${at.client.flow}'`
      await at.client.registers({ granted: 1_000_000 })
      at.online = true
    },
    trouble: async ({ seat, what }) => {
      const { kam1 } = world.proxies
      const { flow } = this.at(seat).client
      world.hushed = what === 'hushed'
      kam1.failing.delete(flow)
      kam1.gone.delete(flow)
      kam1.down = what === 'down'
      if (what === 'failing' || what === 'gone') kam1[what].add(flow)
    },
    'notify failed': async ({ seat, kind, code }) => {
      const { client, dialogs } = this.at(seat)
      const follower = dialogs.get(kind)
      if (follower !== undefined) await world.notifyFailed({ code, subscriber: client.user, callId: follower.subscription.callId, localTag: follower.subscription.toTag, remoteTag: follower.subscription.fromTag })
    },
    privacy: async ({ category }) => {
      if (!this.secret.delete(category)) this.secret.add(category)
      await transact(world.store.pool, async (tx) => { void deferWatchers(tx, category, world.now + 2_000, 'category changed') })
    },
    restart: async () => { world.restart({ categories: this.registry }) },
  }

  async play<K extends Step['do']>(step: Of<K>): Promise<void> {
    await (this.steps[step.do] as (step: Of<K>) => Promise<unknown>)(step)
    this.listen()
  }

  /** All troubles end, and time passes until nothing is owed. */
  async quiet(): Promise<void> {
    const { kam1 } = world.proxies
    kam1.down = false
    kam1.failing.clear()
    kam1.gone.clear()
    world.hushed = false
    for (let round = 0; round < 40; round += 1) {
      world.advance(61)
      await world.timers()
      this.listen()
      if ((await countChanges(session)).pending === 0 && (await countDeferred(session)) === 0) return
    }
    assert.fail('something is owed for ever')
  }

  /** Compares each living dialog with what its subscriber would be shown; returns how many there were. */
  async compare(): Promise<Record<Kind, number>> {
    const count = { views: 0, self: 0, list: 0 }
    for (const { client, dialogs, watched, scope } of this.seats) {
      for (const [kind, follower] of dialogs) {
        assert.deepEqual(follower.faults, [], `${client.user} ${client.epid} ${kind}`)
        const { callId, toTag } = follower.subscription
        const dialog = (await loadDialogs(session, client.user)).find((one) => one.callId === callId && one.localTag === toTag && one.expiresAt > world.now)
        if (dialog === undefined) continue
        count[kind] += 1
        const poll = { headers: { Expires: '0' } }
        if (kind === 'self') assert.deepEqual(follower.ownState(), new Follower(await client.subscribesSelf(scope, poll)).ownState(), `${client.user} ${client.epid} self`)
        if (kind === 'list') assert.deepEqual(follower.contactState(), new Follower(await client.subscribesContacts(poll)).contactState(), `${client.user} ${client.epid} list`)
        if (kind !== 'views') continue
        const resources = await loadResources(session, dialog)
        assert.deepEqual(new Map(resources.map((resource) => [resource.publisher, new Set(resource.categories)])), watched, `${client.user} ${client.epid} watches`)
        for (const { publisher, categories: named } of resources) {
          if (named.length === 0) continue
          const shown = await viewAs(world.engine, { publisher, subscriber: client.user, categories: named, network: dialog.network }, 'categories')
          assert.ok(shown.ok)
          const view = readView(readInfoset(shown.value.text))
          // What has become private is shown as empty to those who watch it already.
          for (const category of named) assert.deepEqual(follower.seen.get(`sip:${publisher} ${category}`) ?? [], view.get(category) ?? [], `${client.user} ${client.epid} sees ${category} of ${publisher}`)
        }
      }
    }
    return count
  }
}

const everything = (at: number): readonly Step[] => containers.flatMap((container) => categories.map((category): Step => ({ do: 'publish', seat: at, category, container, life: 'static', data: '' })))

/** Everyone is in, something is published everywhere, and most are watching, when the day begins. */
const morning: readonly Step[] = [
  ...seats.map((_, at): Step => ({ do: 'return', seat: at, elsewhere: false })),
  ...[0, 2, 4].flatMap(everything),
  ...seats.map((_, at): Step => ({ do: 'own', seat: at, style: 'usual', scope: [...scopes], list: at % 2 === 1 })),
  ...seats.map((_, at): Step => ({ do: 'watch', seat: at, style: at === 2 ? 'plain' : 'usual', publishers: [...publishers], categories: at < 2 ? [...categories] : ['note'], context: false })),
]

/** Something new in each place, so that whoever is not told of one shows it. */
const evening: readonly Step[] = [0, 2, 4].flatMap((at) => [{ do: 'return', seat: at, elsewhere: false } as const, ...everything(at)])

t.test('each living dialog ends up with what its subscriber would be shown now', { timeout: 110_000 }, async (t) => {
  const compared = { views: 0, self: 0, list: 0 }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), async (steps) => {
    await world.reset()
    const day = new Day()
    world.restart({ categories: day.registry })
    for (const one of [...morning, ...steps]) await day.play(one)
    await day.quiet()
    const count = await day.compare()
    for (const one of evening) await day.play(one)
    await day.quiet()
    await day.compare()
    for (const kind of ['views', 'self', 'list'] as const) compared[kind] += count[kind]
  }), { numRuns: testServer === undefined ? 6 : 30, interruptAfterTimeLimit: 60_000 })
  for (const [kind, count] of Object.entries(compared)) t.ok(count > 0, `${count} living dialogs of ${kind} were compared`)
})
