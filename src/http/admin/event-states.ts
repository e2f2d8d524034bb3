import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { KEPT_PIDF } from '../../core/categories/registry.ts'
import { removeEventState } from '../../engine/event-state.ts'
import { loadEndpoints } from '../../store/endpoints.ts'
import { loadInstances } from '../../store/instances.ts'
import { poolSession } from '../../store/session.ts'
import { getUser } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const Time = Type.String({ format: 'date-time' })

const EventState = Type.Object({
  endpointId: Type.String({ description: 'Names it for as long as it is refreshed; the instances published with it carry it.' }),
  entityTag: Type.String({ description: 'The current one; each request of the phone gets another.' }),
  publishedAt: Time, expiresAt: Time, xml: Type.Optional(Type.String({ description: 'The document as the phone sent it.' })),
}, { $id: 'EventState' })

const Place = Type.Object({ ...UserParams.properties, endpointId: Type.String({ minLength: 1, maxLength: 64 }) })

/** What phones publish for users by PUBLISH (RFC 3903). */
export const eventStateRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['publications']
  const path = '/users/:uri/event-states'

  app.get(path, { schema: { tags, summary: 'List what phones publish for a user by PUBLISH', params: UserParams, response: { 200: Type.Object({ items: Type.Array(EventState) }), 404: Problem } } }, async (request) => {
    const key = readKey(request.params.uri)
    if (await getUser(deps.store.db, key) === undefined) throw new ProblemError(404, 'there is no such user')
    const session = poolSession(deps.store.pool)
    const [endpoints, documents] = await Promise.all([loadEndpoints(session, key), loadInstances(session, key, [KEPT_PIDF])])
    const now = deps.now()
    return {
      items: endpoints.flatMap(({ endpointId, entityTag, registeredAt, expiresAt }) => {
        if (entityTag === undefined || expiresAt <= now) return []
        const xml = documents.find((document) => document.endpointId === endpointId)?.payload
        return [{ endpointId, entityTag, publishedAt: new Date(registeredAt).toISOString(), expiresAt: new Date(expiresAt).toISOString(), ...(xml === undefined ? {} : { xml }) }]
      }),
    }
  })

  app.delete(`${path}/:endpointId`, { schema: { tags, summary: 'Remove what a phone publishes; it learns that with its next refresh', params: Place, response: { 204: Type.Null(), 404: Problem } } }, async (request, reply) => {
    const key = readKey(request.params.uri)
    const done = await removeEventState(deps, key, request.params.endpointId, 'operator')
    if (done === undefined) throw new ProblemError(404, 'there is no such event state')
    if (done) deps.wake([key])
    return reply.code(204).send(null)
  })
}
