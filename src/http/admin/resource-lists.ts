import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { ListEntry } from '../../core/model/resource-list.ts'
import { readUserKey, writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import { deleteResourceList, getResourceList, listResourceLists, putResourceList, type StoredList } from '../../store/resource-lists.ts'
import { poolSession } from '../../store/session.ts'
import { isOfDeployment } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { readPage, writePage } from './pages.ts'
import { PageQuery, pageOf, Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

/** More than any list may hold; what is longer than a dialog may watch is refused by that limit. */
const MAX_ENTRIES = 100_000
const BODY_LIMIT = 16 * 1024 * 1024

const Uri = Type.String({ minLength: 1, maxLength: 512, description: 'user@domain; sip: in front is optional.' })
const Name = Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\ufffe\\uffff]*$' })

const Entry = Type.Object({ uri: Uri, displayName: Type.Optional(Name) }, { additionalProperties: false })

const Body = Type.Object({
  displayName: Type.Optional(Name),
  owner: Type.Optional(Uri),
  subscribers: Type.Optional(Type.Array(Uri, { maxItems: 10_000, description: 'Who may subscribe besides the owner. Where neither is named, every user of the enterprise may.' })),
  entries: Type.Array(Entry, { maxItems: MAX_ENTRIES, description: 'Users of this server, in the order in which they are shown; each once. Who is none is shown as not to be had.' }),
}, { additionalProperties: false })

const View = Type.Object({ uri: Type.String(), ...Body.properties, createdAt: Type.String({ format: 'date-time' }), updatedAt: Type.String({ format: 'date-time' }) }, { $id: 'ResourceList' })

const write = ({ uri, name, owner, subscribers, entries, createdAt, updatedAt }: StoredList): Static<typeof View> => ({
  uri: writeUserUri(uri), ...(name === undefined ? {} : { displayName: name }), ...(owner === undefined ? {} : { owner: writeUserUri(owner) }), subscribers: subscribers.map(writeUserUri),
  entries: entries.map((entry) => ({ uri: writeUserUri(entry.user), ...(entry.name === undefined ? {} : { displayName: entry.name }) })),
  createdAt: new Date(createdAt).toISOString(), updatedAt: new Date(updatedAt).toISOString(),
})

const readUser = (text: string, place: string): UserKey => {
  const user = readUserKey(text)
  if (!user.ok) throw new ProblemError(400, `${place}: "${text}" is not the SIP URI of a user`)
  return user.value
}

const readEntries = (entries: Static<typeof Body>['entries']): readonly ListEntry[] => {
  const read = entries.map(({ uri, displayName }, at) => ({ user: readUser(uri, `entries/${at}/uri`), ...(displayName === undefined ? {} : { name: displayName }) }))
  const seen = new Set<UserKey>()
  for (const { user } of read) {
    if (seen.has(user)) throw new ProblemError(400, `${writeUserUri(user)} stands in it twice`)
    seen.add(user)
  }
  return read
}

/** Lists of users under URIs of their own, to which ordinary phones subscribe (RFC 4662). Changes reach those who have. */
export const resourceListRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['resource lists']
  const session = poolSession(deps.store.pool)
  const path = '/resource-lists/:uri'

  app.put(path, { bodyLimit: BODY_LIMIT, schema: { tags, summary: 'Create or replace a list', params: UserParams, body: Body, response: { 200: View, 201: View, 400: Problem, 409: Problem } } }, async (request, reply) => {
    const uri = readKey(request.params.uri)
    const { displayName, owner, subscribers = [], entries } = request.body
    if (await deps.domains.kindOf(uri) !== 'enterprise') throw new ProblemError(400, `${uri} is of no domain of the enterprise`)
    if (await isOfDeployment(session, uri)) throw new ProblemError(409, `${uri} is a user`)
    if (entries.length > deps.limits.maxResourcesPerDialog) throw new ProblemError(400, `at most ${deps.limits.maxResourcesPerDialog} entries`)
    const before = await getResourceList(session, uri)
    const stored = await putResourceList(session, {
      uri, name: displayName, owner: owner === undefined ? undefined : readUser(owner, 'owner'), subscribers: [...new Set(subscribers.map((text, at) => readUser(text, `subscribers/${at}`)))], entries: readEntries(entries),
    }, deps.now())
    deps.log.info({ list: uri, entries: entries.length }, 'resource list set')
    if (before !== undefined) await deps.settleResourceLists()
    return reply.code(before === undefined ? 201 : 200).send(write(stored))
  })

  app.get(path, { schema: { tags, summary: 'Read a list', params: UserParams, response: { 200: View, 400: Problem, 404: Problem } } }, async (request) => {
    const stored = await getResourceList(session, readKey(request.params.uri))
    if (stored === undefined) throw new ProblemError(404, 'there is no such list')
    return write(stored)
  })

  app.delete(path, { schema: { tags, summary: 'Delete a list; subscriptions to it end', params: UserParams, response: { 204: Type.Null(), 400: Problem, 404: Problem } } }, async (request, reply) => {
    const uri = readKey(request.params.uri)
    if (!await deleteResourceList(session, uri)) throw new ProblemError(404, 'there is no such list')
    deps.log.info({ list: uri }, 'resource list deleted')
    await deps.settleResourceLists()
    return reply.code(204).send(null)
  })

  app.get('/resource-lists', { schema: { tags, summary: 'List the lists', querystring: PageQuery, response: { 200: pageOf(View), 400: Problem } } }, async (request) => {
    const { limit, after } = readPage(request.query)
    const page = writePage(await listResourceLists(session, limit + 1, after), limit, ({ uri }) => uri)
    return { ...page, items: page.items.map(write) }
  })
}
