import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { existingContainers } from '../../core/model/publisher.ts'
import { loadEndpoints } from '../../store/endpoints.ts'
import { loadStates } from '../../store/publisher.ts'
import { poolSession } from '../../store/session.ts'
import { getUser } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { ContainerView, writeContainerView } from './member-schemas.ts'
import { writePublication } from './publication-view.ts'
import { Problem, Publication } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const Time = Type.String({ format: 'date-time' })

const EndpointView = Type.Object({ endpointId: Type.String(), epid: Type.Optional(Type.String()), contact: Type.String(), proxy: Type.String(), registeredAt: Time, expiresAt: Time, byPublish: Type.Optional(Type.Literal(true, { description: 'A phone that publishes by PUBLISH; whether it is registered as well is not known here.' })) })

/** Everything about one user at one glance: where it is signed in, who may see what, what it publishes. */
export const presenceRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  app.get('/users/:uri/presence', {
    schema: {
      tags: ['users'], summary: 'Read the presence of a user: endpoints, containers, publications', params: UserParams,
      response: { 200: Type.Object({ endpoints: Type.Array(EndpointView), containers: Type.Array(ContainerView), publications: Type.Array(Publication) }, { $id: 'Presence' }), 404: Problem },
    },
  }, async (request) => {
    const key = readKey(request.params.uri)
    if (await getUser(deps.store.db, key) === undefined) throw new ProblemError(404, 'there is no such user')
    const session = poolSession(deps.store.pool)
    const now = deps.now()
    const [states, endpoints] = await Promise.all([loadStates(session, [key], 'all', now), loadEndpoints(session, key)])
    const state = states(key)
    return {
      endpoints: endpoints.filter(({ expiresAt }) => expiresAt > now).map(({ endpointId, epid, contact, proxy, registeredAt, expiresAt, entityTag }) => ({
        endpointId, ...(epid === undefined ? {} : { epid }), contact, proxy, registeredAt: new Date(registeredAt).toISOString(), expiresAt: new Date(expiresAt).toISOString(),
        ...(entityTag === undefined ? {} : { byPublish: true as const }),
      })),
      containers: existingContainers(state).map(writeContainerView),
      publications: [...state.instances].sort((a, b) => (a.category < b.category ? -1 : a.category > b.category ? 1 : a.container - b.container || a.instance - b.instance)).map(writePublication),
    }
  })
}
