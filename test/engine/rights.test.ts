import t, { type Test } from 'tap'
import { allGranted, type OwnRights } from '../../src/core/model/rights.ts'
import type { DomainKind } from '../../src/core/model/network.ts'
import { enforceRights } from '../../src/engine/enforce-rights.ts'
import { putDomain } from '../../src/store/domains.ts'
import { transact } from '../../src/store/session.ts'
import { putUser } from '../../src/store/users.ts'
import type { Client, Subscription } from '../support/client.ts'
import { batchBody, notes } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

/* Federation rights (3.4.5.3, its last paragraph): who is refused, who is sent elsewhere, and what becomes of the subscriptions that exist when rights or domains change. */

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, finn, gerd } = people
const OURS = 'nordwind.example'

const setUser = async (user: string, rights: OwnRights): Promise<void> => {
  await transact(world.store.pool, (tx) => putUser(tx, user, user, {}, [], world.now, rights))
}

const setDomain = async (domain: string, kind: DomainKind, rights: OwnRights = {}): Promise<void> => {
  await putDomain(world.store.db, domain, kind, world.now, { ...allGranted, ...rights })
  world.engine.domains.forget()
}

/** Anna has something for everybody, and something of its own for each network. */
const begin = async () => {
  const publisher = world.client(anna)
  await publisher.registers({ granted: 7200 })
  await publisher.publishes([...notes('for all', [0]), ...notes('federated', [100]), ...notes('cloud', [150]), ...notes('inside', [200])])
  await publisher.setsMembers([{ id: 100, version: 0, members: ['federated'] }, { id: 150, version: 0, members: ['publicCloud'] }, { id: 200, version: 0, members: ['sameEnterprise'] }])
  return publisher
}

const refusal = ({ answer }: Pick<Subscription, 'answer'>): string => `${answer.status} ${answer.header('ms-diagnostics')?.split(';', 2).join(';') ?? ''}`

const NOT_AUTHORIZED = '403 2004;reason="Subscriber is not authorized"'

/** The endings that a client has heard, and nothing else. */
const endings = (client: Client): readonly (string | undefined)[] => client.hears().map((heard) => heard.header('subscription-state'))

const REJECTED = 'terminated;expires=0;reason=rejected'
const DEACTIVATED = 'terminated;expires=0;reason=deactivated'

const nothingLeftOf = async (t: Test, user: string): Promise<void> => {
  for (const table of ['dialog', 'dialog_resource', 'subscription', 'deferred']) t.equal(await world.count(`${table} WHERE subscriber = '${user}'`), 0, `${table} of ${user}`)
}

t.test('incoming, single and poll: each network needs its right; 403 with 2004; inside nothing needs one', async (t) => {
  await begin()
  const colleague = world.client(boris)
  await colleague.registers()
  const before = await world.dump()
  const watchers: readonly (readonly [string, 'incomingFederated' | 'incomingPublicCloud'])[] = [[clara, 'incomingFederated'], [finn, 'incomingFederated'], [dan, 'incomingPublicCloud']]
  for (const [user, right] of watchers) {
    const others = right === 'incomingFederated' ? 'incomingPublicCloud' : 'incomingFederated'
    await setUser(anna, { [right]: false })
    const rows = await world.dump()
    t.equal(refusal(await world.client(user).subscribesOne(anna, ['note'])), NOT_AUTHORIZED, `${user} without ${right}`)
    t.equal(refusal(await world.client(user).subscribesOne(anna, ['note'], { headers: { Expires: '0' } })), NOT_AUTHORIZED, `${user} polls without ${right}`)
    t.strictSame(await world.dump(), rows, 'nothing is left of a refusal')
    t.equal((await colleague.subscribesOne(anna, ['note'], { headers: { Expires: '0' } })).answer.status, 200, 'a colleague is not concerned')
    await setUser(anna, { [others]: false, outgoingFederated: false, outgoingPublicCloud: false })
    t.equal((await world.client(user).subscribesOne(anna, ['note'], { headers: { Expires: '0' } })).answer.status, 200, `${user} is not concerned by other rights`)
  }
  await setUser(anna, {})
  await world.store.pool.query(`UPDATE presence_user SET updated_at = created_at, display_name = 'anna' WHERE user_uri = '${anna}'`)
  await world.store.pool.query(`UPDATE directory_entry SET display_name = 'anna', given_name = 'anna', surname = 'anna' WHERE user_uri = '${anna}'`)
  t.strictSame(await world.dump(), before)
  await setUser(anna, { incomingFederated: false })
  t.equal((await world.client(clara).subscribesOne('nobody@nordwind.example', ['note'])).answer.status, 404, 'who is not here has no rights')
  t.equal((await world.client(eve).subscribesOne(anna, ['note'])).answer.status, 403, 'a blocked domain')
})

t.test('incoming: the network that the proxy names counts, not the domain of From', async (t) => {
  await begin()
  const colleague = world.client(boris)
  await colleague.registers()
  await setUser(anna, { incomingPublicCloud: false })
  t.equal(refusal(await colleague.subscribesOne(anna, ['note'], { network: 'publicCloud' })), NOT_AUTHORIZED)
  t.equal((await colleague.subscribesOne(anna, ['note'], { network: 'federated' })).answer.status, 200)
  t.equal((await world.client(dan).subscribesOne(anna, ['note'], { network: 'federated' })).answer.status, 200)
})

t.test('incoming: a refresh, which shows everything again, needs the right as well', async (t) => {
  await begin()
  await world.client(gerd).registers()
  await setUser(gerd, { incomingPublicCloud: false })
  const watcher = world.client(clara)
  const [single, batch] = [await watcher.subscribesOne(gerd, ['note']), await watcher.subscribes([anna, gerd], ['note'])]
  t.equal(refusal({ answer: await single.refreshes({ network: 'publicCloud' }) }), NOT_AUTHORIZED, 'from another network than before')
  t.equal((await batch.refreshes({ network: 'publicCloud' })).status, 403)
  await setUser(gerd, { incomingFederated: false })
  t.strictSame([(await single.refreshes()).status, (await batch.refreshes()).status], [403, 403], 'taken away, and not enforced yet')
  t.strictSame([(await single.cancels()).status], [200], 'to end it needs none')
  await world.enforces()
  t.strictSame(endings(watcher), [DEACTIVATED], 'its client opens it anew and learns who is rejected')
  await setUser(gerd, {})
  const inside = await watcher.subscribesOne(gerd, ['note'])
  await setUser(gerd, { incomingFederated: false })
  t.equal((await inside.refreshes({ network: 'sameEnterprise' })).status, 200, 'inside the enterprise nothing needs a right')
})

t.test('incoming: a domain speaks for its users, a user for itself', async (t) => {
  await begin()
  const status = async (publisher: string): Promise<number> => (await world.client(clara).subscribesOne(publisher, ['note'], { headers: { Expires: '0' } })).answer.status
  await setDomain(OURS, 'enterprise', { incomingFederated: false })
  t.strictSame([await status(anna), await status(gerd)], [403, 403])
  await setUser(anna, { incomingFederated: true })
  t.strictSame([await status(anna), await status(gerd)], [200, 403], 'granted to one')
  await setDomain(OURS, 'enterprise')
  await setUser(anna, { incomingFederated: false })
  t.strictSame([await status(anna), await status(gerd)], [403, 200], 'taken from one')
})

t.test('incoming, batch: who may not be watched is in the rejection list, the rest is served', async (t) => {
  const publisher = await begin()
  const other = world.client(gerd)
  await other.registers()
  await setUser(gerd, { incomingFederated: false })
  const watcher = world.client(clara)
  const dialog = await watcher.subscribes([gerd, anna, finn], ['note'])
  t.equal(dialog.answer.status, 200)
  t.strictSame(dialog.answer.documents[0]?.children.map(({ attributes, children }) => [attributes['uri'], children[0]?.attributes]), [
    [`sip:${gerd}`, { cid: gerd, id: '0', reason: 'rejected', state: 'terminated', statusCode: '403' }], [`sip:${finn}`, { cid: finn, id: '0', state: 'resubscribe' }],
  ])
  t.match(dialog.answer.body, `<instance id="0" state="terminated" reason="rejected" statusCode="403" cid="${gerd}"/>`)
  t.strictSame(dialog.answer.documents.slice(1).map(({ attributes }) => attributes['uri']), [`sip:${anna}`])
  await other.publishes(notes('unseen', [0]))
  await publisher.publishes(notes('seen', [100], 1))
  t.strictSame(watcher.learns(), [['note#0 "seen"']])
  const added = await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [gerd], categories: ['note'] }]) })
  t.strictSame(added.says, [`rejected sip:${gerd} terminated`], 'nor can it be added')
  t.equal(await world.count('subscription'), 1)
})

/** What becomes of a single SUBSCRIBE to another deployment: its status, or `relay`. */
const goesOut = async (client: Client, to: string, options: Parameters<Client['text']>[1] & { readonly network?: 'publicCloud' } = {}): Promise<string> => {
  const text = client.text('SUBSCRIBE', { to, body: batchBody([{ name: 'subscribe', publishers: [to], categories: ['note'] }]), ...options, headers: { Event: 'presence', Accept: 'application/msrtc-event-categories+xml', 'Content-Type': 'application/msrtc-adrl-categorylist+xml', ...options.headers } })
  const handled = await world.handles(text, { network: options.network, flow: client.flow })
  if ('relay' in handled) return Object.keys(handled).join()
  return `${handled.reply.status} ${handled.reply.headers.find(([name]) => name === 'ms-diagnostics')?.[1].split(';', 1)[0] ?? ''}`
}

t.test('outgoing: relayed with the right, refused without; nothing is carried out either way', async (t) => {
  const client = world.client(boris)
  await client.registers()
  for (const [to, right, other] of [[clara, 'outgoingFederated', 'outgoingPublicCloud'], [finn, 'outgoingFederated', 'outgoingPublicCloud'], [dan, 'outgoingPublicCloud', 'outgoingFederated']] as const) {
    await setUser(boris, { [other]: false, incomingFederated: false, incomingPublicCloud: false })
    const before = await world.dump()
    t.equal(await goesOut(client, to), 'relay', `${to} with ${right}`)
    t.equal(await goesOut(client, to, { headers: { Expires: '0' } }), 'relay', 'a poll')
    await setUser(boris, { [right]: false })
    t.equal(await goesOut(client, to), '403 2004', `${to} without ${right}`)
    t.equal(await goesOut(client, to, { headers: { Expires: '0' } }), '403 2004', 'a poll')
    const { presence_user: _, ...rest } = await world.dump()
    const { presence_user: __, ...was } = before
    t.strictSame(rest, was)
  }
  await setUser(boris, {})
  await setDomain(OURS, 'enterprise', { outgoingFederated: false })
  t.equal(await goesOut(client, clara), '403 2004', 'the domain speaks for its users')
  await setUser(boris, { outgoingFederated: true })
  t.equal(await goesOut(client, clara), 'relay', 'and a user for itself')
  t.strictSame(client.hears(), [])
})

t.test('outgoing: the Request-URI, by which the proxy relays, must not lead where To may not', async (t) => {
  const client = world.client(boris)
  await client.registers()
  await setUser(boris, { outgoingPublicCloud: false })
  const body = batchBody([{ name: 'subscribe', publishers: [clara], categories: ['note'] }])
  const goesTo = async (uri: string, options: Parameters<Client['text']>[1] = {}): Promise<string> => {
    const text = client.text('SUBSCRIBE', { to: clara, body, ...options, headers: { Event: 'presence', 'Content-Type': 'application/msrtc-adrl-categorylist+xml' } })
    const handled = await world.handles(text.replace(`SUBSCRIBE sip:${clara} `, `SUBSCRIBE ${uri} `), { flow: client.flow })
    return 'relay' in handled ? 'relay' : String(handled.reply.status)
  }
  const cases: readonly (readonly [uri: string, expected: string])[] = [
    [`sip:${clara}:5062;transport=tcp`, 'relay'], ['sip:suedwind.example', 'relay'], ['sip:198.51.100.7', 'relay'], ['sip:proxy.nordwind.example', 'relay'], [`sip:${dan}`, '403'], [`sip:${clara.replace('@', '%40')}@cloud.example`, '400'], ['sip:CLOUD.example:5061', '403'], [`sip:${eve}`, '403'], ['tel:+4912345', '400'],
  ]
  for (const [uri, expected] of cases) t.equal(await goesTo(uri), expected, uri)
  t.equal(await goesTo('sip:c7.cloud.example', { toTag: 'theirs' }), 'relay', 'in a dialog it is the address that the other side gave')
})

t.test('outgoing: what the other deployment judges is not judged here; what is ours stays ours', async (t) => {
  const client = world.client(boris)
  await client.registers()
  t.equal(await goesOut(client, clara, { headers: { Accept: 'application/pidf+xml', 'Content-Type': undefined }, body: '' }), 'relay', 'whatever it asks for')
  t.equal(await goesOut(client, eve), '403 2004', 'a blocked domain')
  t.equal(await goesOut(client, eve, { toTag: 'theirs', headers: { Expires: '0' } }), '403 2004', 'not even to end something')
  t.equal(await goesOut(client, 'nobody@nordwind.example'), '404 4005', 'our domain, no user')
  t.equal(await goesOut(world.client('nobody@nordwind.example'), clara), '404 4005', 'no user of ours')
  t.equal(await goesOut(world.client(finn), clara), '404 4005', 'nobody of ours')
  t.equal(await goesOut(client, clara, { network: 'publicCloud' }), '404 4005', 'not from the enterprise, as the proxy says')
  t.equal(await goesOut(client, clara, { headers: { Require: 'adhoclist, categoryList' } }), '403 4000', 'a batch is for this server alone')
  t.equal(await goesOut(client, clara, { headers: { Event: 'dialog' } }), '489 4000', 'another event package')
  const { answer } = await client.subscribes([clara], ['note'])
  t.strictSame(answer.says, [`rejected sip:${clara} resubscribe`], 'in a batch its client is told to go there, with the right or without')
})

t.test('outgoing, in a dialog: refreshed while granted, ended always, and never taken for one of ours', async (t) => {
  const client = world.client(boris)
  await client.registers()
  const inDialog = { toTag: 'theirs', cseq: 2, body: '', headers: { 'Content-Type': undefined, Require: 'adhoclist, categoryList' } }
  const cancel = { ...inDialog, headers: { ...inDialog.headers, Expires: '0' } }
  t.strictSame([await goesOut(client, clara, inDialog), await goesOut(client, clara, cancel)], ['relay', 'relay'])
  await setUser(boris, { outgoingFederated: false })
  t.strictSame([await goesOut(client, clara, inDialog), await goesOut(client, clara, cancel)], ['403 2004', 'relay'])
  // A domain of ours that has become another's since: the dialog is still here.
  await putDomain(world.store.db, 'former.example', 'enterprise', world.now)
  await world.adds('hugo@former.example')
  world.engine.domains.forget()
  const dialog = await client.subscribesOne('hugo@former.example', ['note'])
  await setDomain('former.example', 'federated')
  t.equal((await dialog.refreshes()).status, 200)
  t.equal(await goesOut(client, 'hugo@former.example'), '200 ', 'a user who is here is served here, as where another node has just made the domain ours')
  await world.store.pool.query("DELETE FROM publisher WHERE publisher = 'hugo@former.example'")
  t.equal((await dialog.refreshes()).status, 200)
})

t.test('a right is taken from a user: single dialogs are rejected, batch dialogs opened anew, all others live on', async (t) => {
  const publisher = await begin()
  const other = world.client(gerd)
  const inside = world.client(boris)
  for (const client of [other, inside]) await client.registers()
  const [single, batch, elsewhere, cloud] = [world.client(clara), world.client(finn), world.client('zoe@suedwind.example'), world.client(dan)]
  const dialogs = [await single.subscribesOne(anna, ['note']), await batch.subscribes([anna, gerd], ['note']), await elsewhere.subscribesOne(gerd, ['note']), await cloud.subscribesOne(anna, ['note']), await inside.subscribes([anna], ['note'])]
  await setUser(anna, { incomingFederated: false })
  t.strictSame(await world.enforces(), { ended: 2, moved: 0 })
  t.strictSame([single, batch, elsewhere, cloud, inside].map(endings), [[REJECTED], [DEACTIVATED], [], [], []])
  t.strictSame(await Promise.all(dialogs.map(async (dialog) => (await dialog.refreshes()).status)), [481, 481, 200, 200, 200])
  for (const user of [clara, finn]) await nothingLeftOf(t, user)
  t.strictSame(await world.enforces(), { ended: 0, moved: 0 }, 'once')
  t.strictSame((await batch.subscribes([anna, gerd], ['note'])).answer.says, [`rejected sip:${anna} terminated`, 'note (none)'], 'its client hears who is rejected')
  t.equal(refusal(await single.subscribesOne(anna, ['note'])), NOT_AUTHORIZED)
  await publisher.publishes([...notes('x', [100], 1), ...notes('y', [150], 1)])
  t.strictSame([single.learns(), batch.learns(), cloud.learns()], [[], [], [['note#0 "y"']]])
  await setUser(anna, {})
  t.strictSame((await single.subscribesOne(anna, ['note'])).answer.says, ['note#0 "x"'], 'granted again')
  t.strictSame(await world.enforces(), { ended: 0, moved: 0 })
})

t.test('a right is taken from a domain: all of its users, but those who have it for themselves', async (t) => {
  await begin()
  await world.client(gerd).registers()
  await setUser(gerd, { incomingPublicCloud: true })
  const [one, two] = [world.client(dan), world.client('pia@cloud.example')]
  await one.subscribesOne(anna, ['note'])
  await two.subscribesOne(gerd, ['note'])
  await setDomain(OURS, 'enterprise', { incomingPublicCloud: false })
  t.strictSame(await world.enforces(), { ended: 1, moved: 0 })
  t.strictSame([endings(one), endings(two)], [[REJECTED], []])
  await setUser(gerd, {})
  await world.enforces()
  t.strictSame(endings(two), [REJECTED], 'without a word of its own it is as its domain')
})

t.test('a SUBSCRIBE that raced with the change is caught by the timer; its last word does not wait for its time', async (t) => {
  await begin()
  const watcher = world.client(clara)
  await watcher.subscribesOne(anna, ['note'])
  await setUser(anna, { incomingFederated: false })
  t.strictSame(endings(watcher), [], 'nobody has looked yet')
  await world.timers()
  t.strictSame(endings(watcher), [REJECTED])
  await nothingLeftOf(t, clara)
})

t.test('many at once, more than a page', async (t) => {
  await begin()
  const publishers = ['anna', 'boris', 'gerd'].map((name) => `${name}@${OURS}`)
  const watchers = Array.from({ length: 75 }, (_, at) => world.client(`w${at}@suedwind.example`))
  for (const watcher of watchers) await watcher.subscribes(publishers, ['note'])
  t.equal(await world.count('subscription'), 225)
  await setDomain(OURS, 'enterprise', { incomingFederated: false })
  t.equal((await world.enforces()).ended, 75, 'each once, whatever it watches')
  t.equal(await world.count('dialog'), 0)
  await setDomain(OURS, 'enterprise')
  for (const watcher of [...watchers, ...Array.from({ length: 130 }, (_, at) => world.client(`v${at}@suedwind.example`))]) await watcher.subscribesOne(anna, ['note'])
  await setDomain('suedwind.example', 'publicCloud')
  t.strictSame(await world.enforces(), { ended: 0, moved: 205 })
  await setDomain('suedwind.example', 'blocked')
  t.strictSame(await world.enforces(), { ended: 205, moved: 0 })
})

const networksOf = async (user: string): Promise<readonly unknown[]> =>
  (await world.store.pool.query(`SELECT d.network AS dialog, s.network AS edge FROM dialog d JOIN subscription s USING (subscriber, local_tag) WHERE subscriber = '${user}'`)).rows.map(({ dialog, edge }) => `${dialog} ${edge}`)

t.test('the kind of a domain changes: its watchers move, those who see something else hear it, nobody else does', async (t) => {
  const publisher = await begin()
  await publisher.publishes([{ category: 'state', container: 0, data: 'same for all' }])
  const [watcher, stateOnly, neighbour, inside] = [world.client(clara), world.client('zoe@suedwind.example'), world.client(finn), world.client(boris)]
  await inside.registers()
  const dialog = await watcher.subscribesOne(anna, ['note', 'state'])
  await stateOnly.subscribesOne(anna, ['state'])
  await neighbour.subscribesOne(anna, ['note'])
  await inside.subscribes([anna], ['note'])
  t.strictSame(dialog.answer.says, ['note#0 "federated"', 'state#0 "same for all"'])
  const clients = [watcher, stateOnly, neighbour, inside]

  await setDomain('suedwind.example', 'publicCloud')
  t.strictSame(await world.enforces(), { ended: 0, moved: 2 })
  t.strictSame(clients.map((client) => client.learns()), [[['note#0 "cloud"', 'state#0 "same for all"']], [], [], []])
  t.strictSame([await networksOf(clara), await networksOf(finn)], [['publicCloud publicCloud'], ['federated federated']])
  await publisher.publishes(notes('cloud 2', [150], 1))
  await publisher.publishes(notes('federated 2', [100], 1))
  t.strictSame(clients.map((client) => client.learns()), [[['note#0 "cloud 2"']], [], [['note#0 "federated 2"']], []], 'and hear from there')

  await setDomain('suedwind.example', 'enterprise')
  t.strictSame(await world.enforces(), { ended: 0, moved: 2 })
  t.strictSame(clients.map((client) => client.learns()), [[['note#0 "inside"', 'state#0 "same for all"']], [], [], []], 'ours')
  await setDomain('suedwind.example', 'federated')
  t.strictSame(await world.enforces(), { ended: 0, moved: 2 })
  t.strictSame(clients.map((client) => client.learns()), [[['note#0 "federated 2"', 'state#0 "same for all"']], [], [], []], 'and back')
  t.equal((await dialog.refreshes()).status, 200)
  t.strictSame(await world.enforces(), { ended: 0, moved: 0 })
})

t.test('a domain that leaves the table, or comes into it, moves too', async (t) => {
  await begin()
  const watcher = world.client(finn)
  await watcher.subscribesOne(anna, ['note'])
  await setDomain('nowhere.example', 'publicCloud')
  await world.enforces()
  t.strictSame(watcher.learns(), [['note#0 "cloud"']])
  await world.store.pool.query("DELETE FROM domain WHERE domain = 'nowhere.example'")
  world.engine.domains.forget()
  await world.enforces()
  t.strictSame(watcher.learns(), [['note#0 "federated"']])
})

t.test('what the proxy named stays as it named it, until a refresh says otherwise', async (t) => {
  await begin()
  const watcher = world.client(clara)
  const dialog = await watcher.subscribesOne(anna, ['note'], { network: 'federated' })
  await setDomain('suedwind.example', 'publicCloud')
  t.strictSame(await world.enforces(), { ended: 0, moved: 0 })
  t.strictSame([watcher.learns(), await networksOf(clara)], [[], ['federated federated']])
  t.strictSame((await dialog.refreshes({ network: undefined })).says, ['note#0 "cloud"'])
  t.strictSame(await networksOf(clara), ['publicCloud publicCloud'])
  await setDomain('suedwind.example', 'federated')
  t.strictSame(await world.enforces(), { ended: 0, moved: 1 }, 'from now on the domain says it')
})

t.test('a changed kind meets the rights of the new network', async (t) => {
  await begin()
  await setUser(anna, { incomingPublicCloud: false })
  const watcher = world.client(clara)
  await watcher.subscribesOne(anna, ['note'])
  await setDomain('suedwind.example', 'publicCloud')
  t.strictSame(await world.enforces(), { ended: 1, moved: 1 })
  t.strictSame(endings(watcher), [REJECTED], 'and shows nothing on the way out')
})

t.test('a change that is not told yet while the kind changes: the watcher ends up with the latest state of its new network', async (t) => {
  const publisher = await begin()
  const watcher = world.client(clara)
  await watcher.subscribesOne(anna, ['note'])
  world.proxies.kam1.down = true
  const pool = world.store.pool
  // Committed and not told: the node that made the change has died. From now on both networks are shown the same container.
  const { delivery } = world
  world.delivery = { ...delivery, wake: () => undefined }
  await publisher.setsMembers([{ id: 150, version: 1, members: ['federated'] }, { id: 100, version: 1, members: ['-federated'] }])
  world.delivery = delivery
  t.equal(Number((await pool.query('SELECT count(*) AS n FROM change')).rows[0]?.n), 1)
  world.proxies.kam1.down = false
  await setDomain('suedwind.example', 'publicCloud')
  await enforceRights(world.engine)
  world.advance(2)
  // The debt waits for its next round where the change is being told at that moment.
  for (let round = 0; round < 2; round += 1) await world.timers()
  t.strictSame(watcher.learns().at(-1), ['note#0 "cloud"'])
  t.strictSame([await world.count('change'), await world.count('deferred')], [0, 0])
})

t.test('what is told for the old network at that very moment is not sent, but owed', async (t) => {
  const publisher = await begin()
  const watcher = world.client(clara)
  await watcher.subscribesOne(anna, ['note'])
  // The change is prepared for the old network, and sent after the move.
  const pool = world.store.pool
  await pool.query("UPDATE dialog SET network = 'publicCloud'")
  await publisher.setsMembers([{ id: 150, version: 1, members: ['federated'] }])
  t.strictSame([watcher.learns(), await world.count('deferred')], [[], 1])
  await pool.query("UPDATE subscription SET network = 'publicCloud'")
  await world.timers()
  t.strictSame(watcher.learns(), [['note#0 "cloud"']])
})

t.test('a domain is blocked: its dialogs end for good, single or batch, with or without anything to watch', async (t) => {
  await begin()
  const [single, batch, empty, named, neighbour] = [world.client(clara), world.client('zoe@suedwind.example'), world.client('lea@suedwind.example'), world.client('max@suedwind.example'), world.client(finn)]
  await single.subscribesOne(anna, ['note'])
  await batch.subscribes([anna], ['note'])
  await empty.subscribes([finn], ['note'])
  await named.subscribesOne(anna, ['note'], { network: 'publicCloud' })
  await neighbour.subscribesOne(anna, ['note'])
  await setDomain('suedwind.example', 'blocked')
  t.strictSame(await world.enforces(), { ended: 4, moved: 0 })
  t.strictSame([single, batch, empty, named, neighbour].map(endings), [[REJECTED], [REJECTED], [REJECTED], [REJECTED], []])
  t.equal(await world.count("dialog WHERE subscriber LIKE '%@suedwind.example'"), 0)
  t.equal((await single.subscribesOne(anna, ['note'])).answer.status, 403)
  await setDomain('suedwind.example', 'federated')
  t.equal((await single.subscribesOne(anna, ['note'])).answer.status, 200)
})

t.test('domains that are not in the table can be blocked as a whole', async (t) => {
  await begin()
  const watcher = world.client(finn)
  await watcher.subscribesOne(anna, ['note'])
  await enforceRights({ ...world.engine, domains: { ...world.engine.domains, unknownKind: 'blocked' } })
  await world.delivery.endExpired()
  t.strictSame(endings(watcher), [REJECTED])
})

t.test('a plain client hears its end in a NOTIFY', async (t) => {
  await begin()
  const watcher = world.client(clara)
  await watcher.subscribesOne(anna, ['note'], { headers: { Supported: 'eventlist', 'Proxy-Require': undefined } })
  watcher.hears()
  await setUser(anna, { incomingFederated: false })
  await world.enforces()
  t.strictSame(watcher.hears().map((heard) => [heard.method, heard.header('CSeq'), heard.header('subscription-state'), heard.header('Expires'), heard.body]), [['NOTIFY', '2 NOTIFY', REJECTED, '0', '']])
})
