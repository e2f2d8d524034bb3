import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { failureEntry, type Failure } from '../../core/base/failure.ts'
import type { AccessDecision } from '../../core/access-lists/effective.ts'
import type { AccessLetter } from '../../core/model/access-list.ts'
import { isListKind } from '../../core/model/dialog.ts'
import { sourceNetworks } from '../../core/model/network.ts'
import { writeUserUri } from '../../core/sip/uri.ts'
import { mediaTypes } from '../../core/sip/media-types.ts'
import { explain, viewAs, viewFormats, type Access, type ExplainedCategory, type Question } from '../../engine/explain.ts'
import type { Watching } from '../../store/watching.ts'
import { ProblemError, problemOf } from '../problem.ts'
import { writeAccessEntry } from './access-schemas.ts'
import type { AdminDeps } from './deps.ts'
import { CategoryTrail, DialogTrail, Explanation } from './explain-schemas.ts'
import { writeMember } from './member-schemas.ts'
import { writePublication } from './publication-view.ts'
import { Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const Names = Type.Union([Type.String({ maxLength: 128 }), Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 })], { description: 'Repeat it for several. Without it: what the subscriber watches, else everything published.' })
const Uri = Type.String({ minLength: 1, maxLength: 512, description: 'user@domain; sip: in front is optional.' })
const Network = Type.Enum([...sourceNetworks], { description: 'Source network to assume, in place of that of the dialog or of the domain table.' })
const View = Type.Object({ subscriber: Uri, category: Type.Optional(Names), network: Type.Optional(Network) }, { additionalProperties: false })
const FormattedView = Type.Object({ ...View.properties, format: Type.Optional(Type.Enum([...viewFormats], { description: 'What the subscriber is told in: categories, if it is not named; pidf or msrtc, which have no categories to choose.' })) }, { additionalProperties: false })
const Query = Type.Object({ publisher: Uri, ...View.properties }, { additionalProperties: false })

const readQuestion = ({ publisher, subscriber, category, network }: Static<typeof Query>): Question =>
  ({ publisher: readKey(publisher), subscriber: readKey(subscriber), categories: category === undefined ? [] : typeof category === 'string' ? [category] : [...new Set(category)], network })

const writeCategory = (trail: ExplainedCategory): Static<typeof CategoryTrail> => ({
  category: trail.category, registered: trail.registered, private: trail.private, ...(trail.container === undefined ? {} : { container: trail.container }),
  rules: trail.rules.map(({ rule, value, containers, picks }) => ({ rule, ...(value === '' ? {} : { value }), containers: [...containers], ...(picks === undefined ? {} : { picks }) })),
  candidates: trail.candidates.map(({ rule, members, membersVersion, ...candidate }) => ({ ...candidate, version: membersVersion, members: members.map(writeMember), ...(rule === undefined ? {} : { rule }) })),
  instances: trail.instances.map(writePublication),
  ...(trail.rule === undefined ? {} : { quota: { bytes: trail.bytes, quotaBytes: trail.rule.quotaBytes, maxBytes: trail.rule.maxBytes } }),
})

const writeDialog = ({ dialog, categories, owed }: Watching): Static<typeof DialogTrail> => ({
  callId: dialog.callId, localTag: dialog.localTag, remoteTag: dialog.remoteTag, kind: dialog.kind, network: dialog.network, ...(dialog.endpointId === undefined ? {} : { endpointId: dialog.endpointId }),
  proxy: dialog.proxy, categories: [...categories], createdAt: new Date(dialog.createdAt).toISOString(), expiresAt: new Date(dialog.expiresAt).toISOString(),
  lastNotification: { cseq: dialog.cseq, at: new Date(dialog.notifiedAt).toISOString(), ...(isListKind(dialog.kind) ? {} : { taken: owed === undefined || owed.attempts === 0 }) },
  ...(owed === undefined ? {} : { owed: { attempts: owed.attempts, reason: owed.reason, dueAt: new Date(owed.dueAt).toISOString() } }),
})

/** What each letter does to readers of presence documents. */
const meanings: Readonly<Record<AccessLetter, string>> = {
  A: 'it sees what the containers show it', D: 'its SUBSCRIBE is refused with 403', P: 'its subscription is pending until the publisher decides', B: 'it sees an offline user',
}

const writeAccessWord = ({ letter, ace }: AccessDecision): NonNullable<Static<typeof Explanation>['access']['accessList']> =>
  ({ decides: letter, ...(ace === undefined ? {} : { entry: writeAccessEntry(ace) }), why: `${ace === undefined ? 'a membership of a container allows it' : 'the most specific entry decides'}: ${meanings[letter]}` })

const writeAccess = ({ refused, publisherRights, subscriberRights, accessList }: Access): Static<typeof Explanation>['access'] => ({
  granted: refused === undefined, ...(refused === undefined ? {} : { refusal: refused, why: failureEntry(refused).sentence }), publisherRights, ...(subscriberRights === undefined ? {} : { subscriberRights }), ...(accessList === undefined ? {} : { accessList: writeAccessWord(accessList) }),
})

/** There is no To in a REST call. */
const explainProblem = (refused: Failure): ProblemError => (refused.name === 'userNotFound' ? new ProblemError(404, `${refused.detail ?? 'the publisher'} is no user of this server`) : problemOf(refused))

/** The operator's question: what does X see of Y, and why? */
export const explainRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['explain']

  app.get('/explain', { schema: { tags, summary: 'Explain what a subscriber sees of a publisher, and why', querystring: Query, response: { 200: Explanation, 400: Problem, 404: Problem } } }, async (request) => {
    const question = readQuestion(request.query)
    const explained = await explain(deps, question)
    if (!explained.ok) throw explainProblem(explained.failure)
    const { access, network, categories, dialogs, used } = explained.value
    return {
      publisher: writeUserUri(question.publisher), subscriber: writeUserUri(question.subscriber), access: writeAccess(access), network: { from: network.from, ...(network.value === undefined ? {} : { value: network.value }) },
      categories: categories.map(writeCategory), dialogs: dialogs.map(writeDialog),
      quotas: { members: { used: used.members, max: deps.limits.maxContainerMembers }, publications: { bytes: used.bytes, max: deps.limits.maxPublisherBytes } },
    }
  })

  app.get('/users/:uri/view-as', {
    schema: { tags, summary: 'Render the document that a subscriber would receive now', params: UserParams, querystring: FormattedView, produces: [mediaTypes.categories, mediaTypes.pidf, mediaTypes.msrtcPresence], response: { 200: Type.String({ description: 'The document.' }), 400: Problem, 403: Problem, 404: Problem } },
  }, async (request, reply) => {
    const { format = 'categories', ...query } = request.query
    if (format !== 'categories' && query.category !== undefined) throw new ProblemError(400, `category: there is nothing to choose in format ${format}`)
    const view = await viewAs(deps, readQuestion({ publisher: request.params.uri, ...query }), format)
    if (!view.ok) throw explainProblem(view.failure)
    return reply.type(`${view.value.type}; charset=utf-8`).send(view.value.text)
  })
}
