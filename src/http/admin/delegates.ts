import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { Delegate, Delegates } from '../../core/model/delegate.ts'
import { MAX_UNSIGNED_INT } from '../../core/requests/reading.ts'
import { writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import { setDelegateForUser } from '../../engine/people-for-user.ts'
import { loadDelegates } from '../../store/delegates.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError, problemOf } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { expectServed, expectUser } from './expect-user.ts'
import { Version } from './member-schemas.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const One = Type.Object({ ...UserParams.properties, delegate: UserParams.properties.uri })

const Allowed = {
  publish: Type.Boolean({ description: 'May publish for the user.' }), redelegate: Type.Boolean({ description: 'May name further delegates.' }),
}

const View = Type.Object({ delegate: Type.String(), ...Allowed }, { $id: 'Delegate' })

const Body = Type.Object({ publish: Type.Optional(Allowed.publish), redelegate: Type.Optional(Allowed.redelegate), version: Type.Optional(Version) }, { additionalProperties: false })

const VersionQuery = Type.Object({ version: Type.Optional(Type.String({ pattern: '^\\d{1,10}$', description: 'The version that the change was made for; 409 when it is no longer that.' })) }, { additionalProperties: false })

const List = Type.Object({ version: Type.Integer(), items: Type.Array(View) }, { $id: 'Delegates' })

const write = ({ user, publish, redelegate }: Delegate): Static<typeof View> => ({ delegate: writeUserUri(user), publish, redelegate })

const writeList = ({ version, members }: Delegates): Static<typeof List> => ({ version, items: members.map(write) })

const readVersion = (text: string | undefined): number | undefined => {
  const version = text === undefined ? undefined : Number(text)
  if (version !== undefined && version > MAX_UNSIGNED_INT) throw new ProblemError(400, `version: at most ${MAX_UNSIGNED_INT}`)
  return version
}

/** Who may act for a user, and changing that with the same rules, versions and notifications as a client (3.9.5). */
export const delegateRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['delegates']
  const path = '/users/:uri/delegates'
  const load = (key: UserKey): Promise<Delegates> => loadDelegates(poolSession(deps.store.pool), key)

  const change = async (user: UserKey, action: 'add' | 'remove', delegate: Delegate, version: number | undefined): Promise<Delegates> => {
    await expectServed(deps, user)
    const changed = await setDelegateForUser(deps, user, action, delegate, version, 'operator')
    // Whom a path names and who is not there is not found, be it on the list or at all.
    if (!changed.ok) throw problemOf(changed.failure, changed.failure.name === 'delegateNotListed' ? 404 : undefined)
    if (changed.value.touched) deps.wake([user])
    deps.log.info({ user, delegate: delegate.user, action }, 'delegate set')
    return changed.value.before.delegates
  }

  app.get(path, { schema: { tags, summary: 'List the delegates of a user', params: UserParams, response: { 200: List, 400: Problem, 404: Problem } } }, async (request) =>
    writeList(await load((await expectUser(deps, readKey(request.params.uri))).uri)))

  app.get(`${path}/:delegate`, { schema: { tags, summary: 'Read a delegate', params: One, response: { 200: View, 400: Problem, 404: Problem } } }, async (request) => {
    const delegate = readKey(request.params.delegate)
    const { members } = await load((await expectUser(deps, readKey(request.params.uri))).uri)
    const found = members.find(({ user }) => user === delegate)
    if (found === undefined) throw new ProblemError(404, 'there is no such delegate')
    return write(found)
  })

  app.put(`${path}/:delegate`, {
    schema: { tags, summary: 'Add or change a delegate; what is not named is not allowed', params: One, body: Body, response: { 200: List, 201: List, 400: Problem, 404: Problem, 409: Problem, 413: Problem } },
  }, async (request, reply) => {
    const [user, delegate] = [readKey(request.params.uri), readKey(request.params.delegate)]
    const { publish = false, redelegate = false, version } = request.body
    const before = await change(user, 'add', { user: delegate, publish, redelegate }, version)
    return reply.code(before.members.some((one) => one.user === delegate) ? 200 : 201).send(writeList(await load(user)))
  })

  app.delete(`${path}/:delegate`, {
    schema: { tags, summary: 'Remove a delegate', params: One, querystring: VersionQuery, response: { 200: List, 400: Problem, 404: Problem, 409: Problem } },
  }, async (request) => {
    const [user, delegate] = [readKey(request.params.uri), readKey(request.params.delegate)]
    await change(user, 'remove', { user: delegate, publish: false, redelegate: false }, readVersion(request.query.version))
    return writeList(await load(user))
  })
}
