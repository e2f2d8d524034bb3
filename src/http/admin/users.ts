import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { LinkedIdentities } from '../../core/documents/presence-seen.ts'
import { allGranted, takesAway } from '../../core/model/rights.ts'
import { domainOf, parseSipUri, readUserKey, writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import { putUserTerms, UserHasData, type UserPut as Put, type UserTerms } from '../../engine/put-user.ts'
import { removeUser } from '../../engine/remove-user.ts'
import { getDomain } from '../../store/domains.ts'
import { loadRightsAnywhere, type UserRights } from '../../store/rights.ts'
import { poolSession } from '../../store/session.ts'
import { getUser, listUsers, type PresenceUser } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { readPage, writePage } from './pages.ts'
import { PageQuery, pageOf, Problem, User, UserPut } from './schemas.ts'
import { tellEnded } from './tell-ended.ts'
import { readKey, UserParams } from './user-key.ts'

const writeLinked = ({ primary, secondary, cid }: LinkedIdentities) => ({ primary: writeUserUri(primary), secondary: secondary.map(writeUserUri), ...(cid === undefined ? {} : { cid }) })

const readIdentity = (at: string, text: string): UserKey => {
  const key = readUserKey(text)
  if (!key.ok) throw new ProblemError(400, `linkedIdentities/${at}: "${text}" is not the SIP URI of a user`)
  return key.value
}

const readLinked = ({ primary, secondary, cid }: NonNullable<Static<typeof UserPut>['linkedIdentities']>): LinkedIdentities =>
  ({ primary: readIdentity('primary', primary), secondary: [...new Set(secondary.map((text, at) => readIdentity(`secondary/${at}`, text)))], cid })

const write = ({ uri, displayName, properties, limits, homePool, linked, createdAt, updatedAt }: PresenceUser, { own, effective }: UserRights = { own: {}, effective: allGranted }) => ({
  uri: writeUserUri(uri), displayName, ...properties, rights: own, effectiveRights: effective, limits, ...(homePool === undefined ? {} : { homePool }), ...(linked === undefined ? {} : { linkedIdentities: writeLinked(linked) }),
  createdAt: new Date(createdAt).toISOString(), updatedAt: new Date(updatedAt).toISOString(),
})

/** Users of this server. */
export const userRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['users']
  const session = poolSession(deps.store.pool)
  const rightsOf = async (user: UserKey): Promise<UserRights | undefined> => (await loadRightsAnywhere(session, [user])).get(user)

  const put = async (key: UserKey, terms: UserTerms): Promise<Put> => {
    try {
      return await putUserTerms(deps, key, terms, 'operator')
    } catch (error) {
      if (error instanceof UserHasData) throw new ProblemError(409, `homePool: the user has data here; DELETE /admin/v1/users/${key} first`)
      throw error
    }
  }

  app.put('/users/:uri', { schema: { tags, summary: 'Create or replace a user of an enterprise domain', params: UserParams, body: UserPut, response: { 200: User, 201: User, 400: Problem, 409: Problem } } }, async (request, reply) => {
    const key = readKey(request.params.uri)
    const domain = await getDomain(deps.store.db, domainOf(key))
    if (domain?.kind !== 'enterprise') throw new ProblemError(409, `${domainOf(key)} is not an enterprise domain; PUT /admin/v1/domains/${domainOf(key)} with kind enterprise first`)
    const { displayName, rights, limits = {}, homePool, linkedIdentities, ...properties } = request.body
    if (homePool !== undefined && !parseSipUri(homePool).ok) throw new ProblemError(400, `homePool: "${homePool}" is not a SIP URI`)
    const before = await rightsOf(key)
    const { created, ended, touched, refused } = await put(key, { displayName, properties, rights, limits, homePool, linked: linkedIdentities === undefined ? undefined : readLinked(linkedIdentities) })
    if (ended > 0) await tellEnded(deps)
    if (touched) deps.wake([key])
    for (const failure of refused) deps.log.warn({ user: key, failure: failure.name, detail: failure.detail }, 'server publication refused')
    const after = await rightsOf(key)
    // A scan of everything that is watched from outside: only where somebody may have to stop.
    if (after !== undefined && takesAway(before?.effective, after.effective)) await deps.enforceRights()
    const stored = await getUser(deps.store.db, key)
    if (stored === undefined) throw new ProblemError(409, 'the user was deleted at the same time')
    deps.log.info({ user: key, created }, 'user set')
    return reply.code(created ? 201 : 200).send(write(stored, after))
  })

  app.get('/users/:uri', { schema: { tags, summary: 'Read a user', params: UserParams, response: { 200: User, 400: Problem, 404: Problem } } }, async (request) => {
    const stored = await getUser(deps.store.db, readKey(request.params.uri))
    if (stored === undefined) throw new ProblemError(404, 'there is no such user')
    return write(stored, await rightsOf(stored.uri))
  })

  app.delete('/users/:uri', { schema: { tags, summary: 'Delete a user with everything it published', params: UserParams, response: { 204: Type.Null(), 400: Problem, 404: Problem } } }, async (request, reply) => {
    const key = readKey(request.params.uri)
    if (!await removeUser(deps.store.pool, key, deps.now())) throw new ProblemError(404, 'there is no such user')
    deps.wake([key])
    deps.log.info({ user: key }, 'user deleted')
    return reply.code(204).send(null)
  })

  app.get('/users', {
    schema: { tags, summary: 'List users', querystring: Type.Object({ ...PageQuery.properties, domain: Type.Optional(Type.String({ maxLength: 253, pattern: '^[A-Za-z0-9.:\\[\\]-]+$' })) }, { additionalProperties: false }), response: { 200: pageOf(User), 400: Problem } },
  }, async (request) => {
    const { limit, after } = readPage(request.query)
    const page = writePage(await listUsers(deps.store.db, limit + 1, after, request.query.domain?.toLowerCase()), limit, ({ uri }) => uri)
    const rights = await loadRightsAnywhere(session, page.items.map(({ uri }) => uri))
    return { ...page, items: page.items.map((user) => write(user, rights.get(user.uri))) }
  })
}
