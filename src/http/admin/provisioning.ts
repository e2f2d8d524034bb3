import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { deleteSetting, loadSetting, putSetting } from '../../store/deployment-settings.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Problem } from './schemas.ts'
import { readContent } from './xml-text.ts'

const NAME = 'provisioning'

// The known names (MS-SIPREGE 2.2.2.5) are such words too; clients may ask for others.
const Groups = Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }), Type.String({ maxLength: 262_144 }), {
  additionalProperties: false, maxProperties: 100,
  description: 'Name of a group (ServerConfiguration, meetingPolicy, ucPolicy, publicationGrammar, userSetting, endpointConfiguration, locationPolicy, mediaConfiguration, presencePolicyV2, privacyPublicationGrammar, publicProviders, persistentChatConfiguration, or any other word) to its content, XML text in the namespace of the provisioning document.',
})

const Provisioning = Type.Object({ groups: Groups }, { additionalProperties: false, $id: 'Provisioning' })

/** What clients get by in-band provisioning (MS-SIPREGE 2.2.2.5). What the operator does not set of the smallest useful set is as the engine has it. */
export const provisioningRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['provisioning']
  const session = poolSession(deps.store.pool)

  app.get('/provisioning', { schema: { tags, summary: 'Read the provisioning groups that the operator has set', response: { 200: Provisioning } } }, async () => ({ groups: await loadSetting(session, NAME) ?? {} }))

  app.put('/provisioning', {
    schema: { tags, summary: 'Replace the provisioning groups', body: Type.Object(Provisioning.properties, { additionalProperties: false }), response: { 200: Provisioning, 400: Problem, 413: Problem } },
  }, async (request) => {
    const groups = Object.fromEntries(Object.entries(request.body.groups).map(([name, content]) => [name, readContent(content, `groups/${name}`)]))
    const bytes = Object.entries(groups).reduce((sum, [name, content]) => sum + Buffer.byteLength(name) + Buffer.byteLength(content), 0)
    // Whoever asks for all of them gets them in one message.
    if (bytes > deps.limits.maxAnswerBytes) throw new ProblemError(400, `groups: ${bytes} bytes, at most ${deps.limits.maxAnswerBytes} fit into one answer`)
    await putSetting(session, NAME, groups, deps.now())
    deps.provisioning.forget()
    deps.log.info({ groups: Object.keys(groups) }, 'provisioning set')
    return { groups }
  })

  app.delete('/provisioning', { schema: { tags, summary: 'Return to the smallest useful set', response: { 204: Type.Null() } } }, async (_request, reply) => {
    await deleteSetting(session, NAME)
    deps.provisioning.forget()
    deps.log.info('provisioning removed')
    return reply.code(204).send(null)
  })
}
