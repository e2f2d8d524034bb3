import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { FailureName } from '../../core/base/failure.ts'
import type { ContactContent } from '../../core/contacts/compare-lists.ts'
import { MAX_GROUP, type ContactList } from '../../core/model/contact.ts'
import { MAX_UNSIGNED_INT } from '../../core/requests/reading.ts'
import { readUserKey, writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import { importContactsForUser } from '../../engine/contact-actions.ts'
import { loadContactList } from '../../store/contacts.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError, problemOf } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { expectServed, expectUser } from './expect-user.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'
import { readContent } from './xml-text.ts'

const GroupId = Type.Integer({ minimum: 1, maximum: MAX_GROUP, description: '1 is the default group, which is always there.' })
const externalUri = Type.String({ maxLength: 1024 })

const Group = Type.Object({ id: GroupId, name: Type.String({ minLength: 1, maxLength: 256 }), externalUri: Type.Optional(externalUri) }, { additionalProperties: false })

const Contact = Type.Object({
  uri: Type.String({ minLength: 1, maxLength: 512, description: 'user@domain; sip: in front is optional.' }),
  displayName: Type.Optional(Type.String({ maxLength: 256, description: 'A name of the user\'s own; without it clients show that of the directory.' })),
  groups: Type.Optional(Type.Array(GroupId, { maxItems: MAX_GROUP, description: 'Without any: the default group.' })),
  subscribed: Type.Optional(Type.Boolean({ description: 'The user wants this contact\'s presence; true without it.' })),
  externalUri: Type.Optional(externalUri),
  extension: Type.Optional(Type.String({ maxLength: 4096, description: 'What clients keep with the contact: XML text.' })),
}, { additionalProperties: false })

/** Contact lists can be long; what is longer than its user may have is refused by its limit. */
const MAX_CONTACTS = 100_000
const BODY_LIMIT = 16 * 1024 * 1024

const Body = Type.Object({
  deltaNum: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_UNSIGNED_INT, description: 'The number of the list that this one shall replace; 409 when it is no longer that. Without it whatever is there is replaced.' })),
  groups: Type.Optional(Type.Array(Group, { maxItems: MAX_GROUP, description: 'Without the default group that stays as it is.' })), contacts: Type.Array(Contact, { maxItems: MAX_CONTACTS }),
}, { additionalProperties: false })

const View = Type.Object({ deltaNum: Type.Integer(), groups: Type.Array(Group), contacts: Type.Array(Contact) }, { $id: 'ContactList' })

const write = ({ deltaNum, groups, contacts }: ContactList): Static<typeof View> => ({
  deltaNum, groups: groups.map(({ id, name, externalUri: uri }) => ({ id, name, ...(uri === '' ? {} : { externalUri: uri }) })),
  contacts: [...contacts].sort((a, b) => (a.user < b.user ? -1 : 1)).map((contact) => ({
    uri: writeUserUri(contact.user), displayName: contact.displayName, groups: [...contact.groups], subscribed: contact.subscribed,
    ...(contact.externalUri === '' ? {} : { externalUri: contact.externalUri }), ...(contact.extension === '' ? {} : { extension: contact.extension }),
  })),
})

const readContactUri = (text: string, place: string): UserKey => {
  const user = readUserKey(text)
  if (!user.ok) throw new ProblemError(400, `${place}: "${text}" is not the SIP URI of a user`)
  return user.value
}

const read = ({ groups = [], contacts }: Static<typeof Body>): ContactContent => ({
  groups: groups.map(({ id, name, externalUri: uri = '' }) => ({ id, name, externalUri: uri })),
  contacts: contacts.map(({ uri, displayName = '', groups: ids = [], subscribed = true, externalUri: external = '', extension = '' }, at) => ({
    user: readContactUri(uri, `contacts/${at}/uri`), displayName, groups: ids, subscribed, externalUri: external, extension: readContent(extension, `contacts/${at}/extension`),
  })),
})

/** What is refused of a list handed in as a whole is a fault of the body, or more than the user may have; the path was right. */
const statuses: Partial<Record<FailureName, number>> = { contactsExceeded: 413, groupsExceeded: 413, groupNotFound: 400, duplicateGroup: 400, contactExtensionTooLarge: 400, contactsMoving: 409, contactsElsewhere: 409 }

/** Contacts and groups of a user (MS-SIP 3.7): reading, and importing a whole list; clients hear the difference. */
export const contactRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['contacts']
  const path = '/users/:uri/contacts'

  app.get(path, { schema: { tags, summary: 'Read the contact list of a user', params: UserParams, response: { 200: View, 400: Problem, 404: Problem } } }, async (request) =>
    write(await loadContactList(poolSession(deps.store.pool), (await expectUser(deps, readKey(request.params.uri))).uri)))

  app.put(path, {
    bodyLimit: BODY_LIMIT,
    schema: { tags, summary: 'Replace the contact list of a user', params: UserParams, body: Body, response: { 200: View, 400: Problem, 404: Problem, 409: Problem, 413: Problem } },
  }, async (request) => {
    const user = readKey(request.params.uri)
    const content = read(request.body)
    await expectServed(deps, user)
    const done = await importContactsForUser(deps, user, content, request.body.deltaNum, 'operator')
    if (!done.ok) throw problemOf(done.failure, statuses[done.failure.name])
    const { list, deltas } = done.value
    if (deltas.length > 0) deps.wake([user])
    deps.log.info({ user, changes: deltas.length }, 'contacts imported')
    return write(list)
  })
}
