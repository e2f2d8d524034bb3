import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { MembershipChange } from '../../core/containers/operator-change.ts'
import { MAX_CONTAINER, type Container } from '../../core/model/container.ts'
import { existingContainers } from '../../core/model/publisher.ts'
import type { UserKey } from '../../core/sip/uri.ts'
import { setMembersForUser } from '../../engine/set-container-members.ts'
import { loadStates } from '../../store/publisher.ts'
import { poolSession } from '../../store/session.ts'
import { getUser } from '../../store/users.ts'
import { ProblemError, problemOf } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { ContainerId, ContainerView, Members, readMembers, Version, writeContainerView } from './member-schemas.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const Change = Type.Object({ id: ContainerId, version: Type.Optional(Version), add: Type.Optional(Members), remove: Type.Optional(Members) }, { additionalProperties: false })

const One = Type.Object({ ...UserParams.properties, id: Type.String({ pattern: '^\\d{1,5}$' }) })

const List = Type.Object({ items: Type.Array(ContainerView) })

const readId = (text: string): number => {
  const id = Number(text)
  if (id < 1 || id > MAX_CONTAINER) throw new ProblemError(400, `containers with members are numbered from 1 to ${MAX_CONTAINER}`)
  return id
}

/** Who is a member of which container of a user, and changing that with the same rules, versions and notifications as a client (3.5.5). */
export const containerRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['containers']
  const path = '/users/:uri/containers'

  const expectUser = async (key: UserKey): Promise<void> => {
    if (await getUser(deps.store.db, key) === undefined) throw new ProblemError(404, 'there is no such user')
  }

  const existing = async (key: UserKey): Promise<readonly Container[]> => {
    await expectUser(key)
    return existingContainers((await loadStates(poolSession(deps.store.pool), [key], 'all', deps.now()))(key))
  }

  const change = async (key: UserKey, changes: readonly MembershipChange[]): Promise<readonly Container[]> => {
    await expectUser(key)
    const done = await setMembersForUser(deps, key, changes, 'operator')
    if (!done.ok) throw problemOf(done.failure)
    deps.wake([key])
    deps.log.info({ user: key, containers: changes.map(({ id }) => id) }, 'members set')
    return done.value.filter(({ id }) => changes.some((one) => one.id === id))
  }

  app.get(path, { schema: { tags, summary: 'List the containers of a user with their members, highest number first', params: UserParams, response: { 200: List, 404: Problem } } }, async (request) =>
    ({ items: (await existing(readKey(request.params.uri))).map(writeContainerView) }))

  app.get(`${path}/:id`, { schema: { tags, summary: 'Read a container', params: One, response: { 200: ContainerView, 404: Problem } } }, async (request) => {
    const found = (await existing(readKey(request.params.uri))).find(({ id }) => id === Number(request.params.id))
    if (found === undefined) throw new ProblemError(404, 'there is no such container')
    return writeContainerView(found)
  })

  app.post(path, {
    schema: {
      tags, summary: 'Add and remove members of several containers, all or nothing', params: UserParams, body: Type.Object({ containers: Type.Array(Change, { minItems: 1, maxItems: 1_000 }) }, { additionalProperties: false }),
      response: { 200: List, 400: Problem, 404: Problem, 409: Problem, 413: Problem },
    },
  }, async (request) => {
    const changes = request.body.containers.map(({ id, version, add = [], remove = [] }, at) => {
      if (add.length + remove.length === 0) throw new ProblemError(400, `containers/${at}: nothing to add or to remove`)
      return { id, version, add: readMembers(add, `containers/${at}/add`), remove: readMembers(remove, `containers/${at}/remove`), replace: false }
    })
    return { items: (await change(readKey(request.params.uri), changes)).map(writeContainerView) }
  })

  app.put(`${path}/:id`, {
    schema: {
      tags, summary: 'Replace the members of a container', params: One, body: Type.Object({ version: Type.Optional(Version), members: Members }, { additionalProperties: false }),
      response: { 200: ContainerView, 400: Problem, 404: Problem, 409: Problem, 413: Problem },
    },
  }, async (request) => {
    const id = readId(request.params.id)
    const [changed] = await change(readKey(request.params.uri), [{ id, version: request.body.version, add: readMembers(request.body.members, 'members'), remove: [], replace: true }])
    return writeContainerView(changed ?? { id, membersVersion: 0, members: [] })
  })
}
