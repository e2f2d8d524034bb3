import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { Result } from '../../core/base/result.ts'
import { sourceNetworks } from '../../core/model/network.ts'
import type { SubscriberEntry } from '../../core/model/subscriber-entry.ts'
import { writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import { acknowledgeForUser, addSubscriberForUser, removeSubscriberForUser, type PeopleChange } from '../../engine/people-for-user.ts'
import { poolSession } from '../../store/session.ts'
import { loadSubscriberEntries } from '../../store/subscriber-entries.ts'
import { ProblemError, problemOf } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { expectServed, expectUser } from './expect-user.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'
import { readElement } from './xml-text.ts'

const One = Type.Object({ ...UserParams.properties, subscriber: UserParams.properties.uri })

const Entry = Type.Object({
  subscriber: Type.String(), displayName: Type.String(), network: Type.String({ description: 'sameEnterprise, federated, publicCloud or unknown.' }), acknowledged: Type.Boolean(),
  context: Type.Optional(Type.String({ description: 'What the subscriber sent along: one XML element, or nothing.' })), kept: Type.Boolean({ description: 'Stays on the list when it is acknowledged (MSRTC and PIDF watchers).' }),
}, { $id: 'Subscriber' })

const Body = Type.Object({
  displayName: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Without it that of the directory, else the URI.' })),
  network: Type.Optional(Type.Enum([...sourceNetworks], { description: 'Without it as the domain table says.' })),
  context: Type.Optional(Type.String({ maxLength: 65_536, description: 'One XML element, or nothing.' })),
}, { additionalProperties: false })

const write = ({ user, displayName, network, acknowledged, context, kept }: SubscriberEntry): Static<typeof Entry> =>
  ({ subscriber: writeUserUri(user), displayName, network, acknowledged, ...(context === undefined ? {} : { context }), kept })

/** The subscriber list (1.3.1.4): who asks to be known to a user, and acknowledging them in its place (3.6.5.1). */
export const subscriberRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['subscribers']
  const path = '/users/:uri/subscribers'
  const load = (key: UserKey): Promise<readonly SubscriberEntry[]> => loadSubscriberEntries(poolSession(deps.store.pool), key)

  /** Carries a change out, tells it, and says what the list was before. */
  const change = async (user: UserKey, subscriber: UserKey, what: string, done: () => Promise<Result<PeopleChange>>): Promise<readonly SubscriberEntry[]> => {
    await expectServed(deps, user)
    const changed = await done()
    if (!changed.ok) throw problemOf(changed.failure, changed.failure.name === 'subscriberNotListed' ? 404 : undefined)
    if (changed.value.touched) deps.wake([user])
    deps.log.info({ user, subscriber }, what)
    return changed.value.before.subscribers
  }

  app.get(path, { schema: { tags, summary: 'List who asks to be known to a user', params: UserParams, response: { 200: Type.Object({ items: Type.Array(Entry) }), 400: Problem, 404: Problem } } }, async (request) =>
    ({ items: (await load((await expectUser(deps, readKey(request.params.uri))).uri)).map(write) }))

  app.put(`${path}/:subscriber`, {
    schema: {
      tags, summary: 'Enter a subscriber, as if it had sent a context; who is on the list already stays as it is', params: One, body: Body,
      response: { 200: Entry, 201: Entry, 400: Problem, 403: Problem, 404: Problem, 409: Problem, 413: Problem },
    },
  }, async (request, reply) => {
    const [user, subscriber] = [readKey(request.params.uri), readKey(request.params.subscriber)]
    if (user === subscriber) throw new ProblemError(400, 'subscriber: a user is not on its own list')
    const { context = '', ...terms } = request.body
    const before = await change(user, subscriber, 'subscriber entered', () => addSubscriberForUser(deps, user, subscriber, { ...terms, context: readElement(context, 'context') }, 'operator'))
    const entry = (await load(user)).find((one) => one.user === subscriber)
    if (entry === undefined) throw new ProblemError(409, 'the subscriber was acknowledged at the same time')
    return reply.code(before.some((one) => one.user === subscriber) ? 200 : 201).send(write(entry))
  })

  app.post(`${path}/:subscriber/acknowledge`, {
    schema: { tags, summary: 'Acknowledge a subscriber; but for those who are kept it leaves the list', params: One, response: { 204: Type.Null(), 400: Problem, 404: Problem, 409: Problem } },
  }, async (request, reply) => {
    const [user, subscriber] = [readKey(request.params.uri), readKey(request.params.subscriber)]
    await change(user, subscriber, 'subscriber acknowledged', () => acknowledgeForUser(deps, user, subscriber, 'operator'))
    return reply.code(204).send(null)
  })

  app.delete(`${path}/:subscriber`, {
    schema: { tags, summary: 'Take a subscriber off the list, whoever it is', params: One, response: { 204: Type.Null(), 400: Problem, 404: Problem, 409: Problem } },
  }, async (request, reply) => {
    const [user, subscriber] = [readKey(request.params.uri), readKey(request.params.subscriber)]
    await change(user, subscriber, 'subscriber removed', () => removeSubscriberForUser(deps, user, subscriber, 'operator'))
    return reply.code(204).send(null)
  })
}
