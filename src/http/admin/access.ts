import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { FailureName } from '../../core/base/failure.ts'
import type { AccessList, PendingWatcher } from '../../core/model/access-list.ts'
import { MAX_UNSIGNED_INT } from '../../core/requests/reading.ts'
import { writeUserUri } from '../../core/sip/uri.ts'
import { replaceAccessForUser } from '../../engine/set-ace.ts'
import { loadAccessList, loadPendingWatchers } from '../../store/access-lists.ts'
import { poolSession } from '../../store/session.ts'
import { problemOf } from '../problem.ts'
import { AccessEntry, readAccessEntries, writeAccessEntry } from './access-schemas.ts'
import type { AdminDeps } from './deps.ts'
import { expectServed, expectUser } from './expect-user.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

/** What is longer than its user may have is refused by its limit. */
const MAX_ENTRIES = 10_000
const BODY_LIMIT = 4 * 1024 * 1024

const Body = Type.Object({
  deltaNum: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_UNSIGNED_INT, description: 'The number of the list that this one shall replace; 409 when it is no longer that. Without it whatever is there is replaced.' })),
  entries: Type.Array(AccessEntry, { maxItems: MAX_ENTRIES, description: 'Who is not on it any more is as if nothing had been said; blocked users and domains leave container 32000 with it.' }),
}, { additionalProperties: false })

const View = Type.Object({
  deltaNum: Type.Integer(), entries: Type.Array(AccessEntry),
  pending: Type.Array(Type.Object({ uri: Type.String(), displayName: Type.String() }), { description: 'Who waits for the user to decide.' }),
}, { $id: 'AccessList' })

const write = ({ deltaNum, entries }: AccessList, pending: readonly PendingWatcher[]): Static<typeof View> =>
  ({ deltaNum, entries: entries.map(writeAccessEntry), pending: pending.map(({ user, displayName }) => ({ uri: writeUserUri(user), displayName })) })

/** What is refused of a list handed in as a whole is more than the user may have. */
const statuses: Partial<Record<FailureName, number>> = { accessEntriesExceeded: 413 }

/** The access list of a user (MS-SIP 2.2.3): reading, and replacing it as a whole; clients hear of it. */
export const accessRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['access lists']
  const path = '/users/:uri/access-list'
  const session = poolSession(deps.store.pool)

  app.get(path, { schema: { tags, summary: 'Read the access list of a user, and who waits for its word', params: UserParams, response: { 200: View, 400: Problem, 404: Problem } } }, async (request) => {
    const { uri } = await expectUser(deps, readKey(request.params.uri))
    return write(await loadAccessList(session, uri), await loadPendingWatchers(session, uri, deps.now()))
  })

  app.put(path, {
    bodyLimit: BODY_LIMIT,
    schema: { tags, summary: 'Replace the access list of a user; its containers follow', params: UserParams, body: Body, response: { 200: View, 400: Problem, 404: Problem, 409: Problem, 413: Problem } },
  }, async (request) => {
    const user = readKey(request.params.uri)
    const entries = readAccessEntries(request.body.entries, 'entries')
    await expectServed(deps, user)
    const done = await replaceAccessForUser(deps, user, entries, request.body.deltaNum, 'operator')
    if (!done.ok) throw problemOf(done.failure, statuses[done.failure.name])
    deps.wake([user])
    deps.log.info({ user, entries: entries.length }, 'access list replaced')
    return write(done.value, await loadPendingWatchers(session, user, deps.now()))
  })
}
