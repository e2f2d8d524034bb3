import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { standardTemplate, type ContainerTemplate } from '../../core/containers/template.ts'
import { memberKey } from '../../core/model/container.ts'
import { deleteSetting, loadSetting, putSetting } from '../../store/deployment-settings.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { ContainerId, Members, readMembers, writeMember } from './member-schemas.ts'
import { Problem } from './schemas.ts'

const NAME = 'containerTemplate'

const Containers = Type.Array(Type.Object({ id: ContainerId, members: Type.Optional(Members) }, { additionalProperties: false }), { maxItems: 1_000 })

const View = Type.Object({ standard: Type.Boolean({ description: 'Nothing has been set: it is the standard layout.' }), containers: Containers }, { $id: 'ContainerTemplate' })

const write = (stored: ContainerTemplate | undefined) =>
  ({ standard: stored === undefined, containers: (stored ?? standardTemplate).map(({ id, members }) => ({ id, members: members.map(writeMember) })) })

/** Which containers, with which members, a new user starts with. Users that exist are not changed by it. */
export const templateRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['containers']
  const session = poolSession(deps.store.pool)

  app.get('/container-template', { schema: { tags, summary: 'Read which containers a new user starts with', response: { 200: View } } }, async () => write(await loadSetting(session, NAME)))

  app.put('/container-template', { schema: { tags, summary: 'Set which containers a new user starts with', body: Type.Object({ containers: Containers }, { additionalProperties: false }), response: { 200: View, 400: Problem } } }, async (request) => {
    const { containers } = request.body
    if (new Set(containers.map(({ id }) => id)).size < containers.length) throw new ProblemError(400, 'a container stands in it twice')
    const template = containers.map(({ id, members = [] }, at) => ({ id, members: [...new Map(readMembers(members, `containers/${at}/members`).map((member) => [memberKey(member), member])).values()] }))
    const total = template.reduce((sum, { members }) => sum + members.length, 0)
    if (total > deps.limits.maxContainerMembers) throw new ProblemError(400, `at most ${deps.limits.maxContainerMembers} members altogether`)
    await putSetting(session, NAME, template, deps.now())
    deps.template.forget()
    deps.log.info({ containers: template.map(({ id }) => id) }, 'container template set')
    return write(template)
  })

  app.delete('/container-template', { schema: { tags, summary: 'Return to the standard layout', response: { 204: Type.Null() } } }, async (_request, reply) => {
    await deleteSetting(session, NAME)
    deps.template.forget()
    deps.log.info('container template removed')
    return reply.code(204).send(null)
  })
}
