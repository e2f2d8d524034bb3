import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { writeMwi } from '../../core/documents/mwi.ts'
import { MAX_CONTAINER } from '../../core/model/container.ts'
import { isAlive, type CategoryInstance } from '../../core/model/publication.ts'
import { MAX_UNSIGNED_INT } from '../../core/requests/reading.ts'
import { publishForUser, removeForUser } from '../../engine/server-publish.ts'
import { loadInstances } from '../../store/instances.ts'
import { poolSession } from '../../store/session.ts'
import { getUser } from '../../store/users.ts'
import { ProblemError, problemOf } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { writePublication } from './publication-view.ts'
import { MwiBody, Problem, Publication, PublicationBody } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'
import { readElement } from './xml-text.ts'

const Place = Type.Object({
  ...UserParams.properties,
  category: Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f]+$' }),
  container: Type.String({ pattern: '^\\d{1,5}$' }),
  instance: Type.String({ pattern: '^\\d{1,10}$' }),
})

const readPlace = (params: { readonly category: string; readonly container: string; readonly instance: string }): { readonly category: string; readonly container: number; readonly instance: number } => {
  const place = { category: params.category, container: Number(params.container), instance: Number(params.instance) }
  if (place.container > MAX_CONTAINER || place.instance > MAX_UNSIGNED_INT) throw new ProblemError(400, `container is at most ${MAX_CONTAINER}, instance at most ${MAX_UNSIGNED_INT}`)
  return place
}

/** What users have published, and what the operator publishes for them. */
export const publicationRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['publications']
  const path = '/users/:uri/publications'

  const living = async (uri: string): Promise<readonly CategoryInstance[]> => {
    const key = readKey(uri)
    if (await getUser(deps.store.db, key) === undefined) throw new ProblemError(404, 'there is no such user')
    return (await loadInstances(poolSession(deps.store.pool), key, 'all')).filter((instance) => isAlive(instance, deps.now()))
  }

  const publish = async (uri: string, publication: Parameters<typeof publishForUser>[2][number]): Promise<void> => {
    const key = readKey(uri)
    const done = await publishForUser(deps, key, [publication], 'operator')
    if (!done.ok) throw problemOf(done.failure)
    if (done.value) deps.wake([key])
  }

  app.get(path, {
    schema: {
      tags, summary: 'List the publications of a user, by container', params: UserParams, querystring: Type.Object({ container: Type.Optional(Type.String({ pattern: '^\\d{1,5}$' })), category: Type.Optional(Type.String({ maxLength: 128 })) }, { additionalProperties: false }),
      response: { 200: Type.Object({ items: Type.Array(Publication) }), 404: Problem },
    },
  }, async (request) => {
    const { container, category } = request.query
    const items = (await living(request.params.uri)).filter((instance) => (container === undefined || instance.container === Number(container)) && (category === undefined || instance.category === category))
    return { items: [...items].sort((a, b) => a.container - b.container || (a.category < b.category ? -1 : a.category > b.category ? 1 : a.instance - b.instance)).map(writePublication) }
  })

  app.get(`${path}/:category/:container/:instance`, { schema: { tags, summary: 'Read a publication', params: Place, response: { 200: Publication, 404: Problem } } }, async (request) => {
    const place = readPlace(request.params)
    const found = (await living(request.params.uri)).find((instance) => instance.category === place.category && instance.container === place.container && instance.instance === place.instance)
    if (found === undefined) throw new ProblemError(404, 'there is no such publication')
    return writePublication(found)
  })

  app.put(`${path}/:category/:container/:instance`, { schema: { tags, summary: 'Publish for a user', params: Place, body: PublicationBody, response: { 204: Type.Null(), 400: Problem, 404: Problem, 413: Problem } } }, async (request, reply) => {
    const { xml, expires } = request.body
    await publish(request.params.uri, { ...readPlace(request.params), payload: readElement(xml, 'xml'), expiresAt: expires === undefined ? undefined : deps.now() + expires * 1000 })
    return reply.code(204).send(null)
  })

  app.delete(`${path}/:category/:container/:instance`, { schema: { tags, summary: 'Delete a publication', params: Place, response: { 204: Type.Null(), 404: Problem } } }, async (request, reply) => {
    const key = readKey(request.params.uri)
    const done = await removeForUser(deps, key, readPlace(request.params), 'operator')
    if (typeof done !== 'boolean') throw problemOf(done)
    if (!done) throw new ProblemError(404, 'there is no such publication')
    deps.wake([key])
    return reply.code(204).send(null)
  })

  // 3.2.5.7: what a voice mail server reports becomes instance 0 in container 1, where only the user itself looks (4.13).
  app.put('/users/:uri/mwi', { schema: { tags, summary: 'Report voice mail of a user', params: UserParams, body: MwiBody, response: { 204: Type.Null(), 400: Problem, 404: Problem } } }, async (request, reply) => {
    await publish(request.params.uri, { category: 'mwi', container: 1, instance: 0, payload: writeMwi(request.body), expiresAt: undefined })
    return reply.code(204).send(null)
  })
}
