import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type TSchema } from 'typebox'
import { findProvisioningFaults, provisioningValues, type ProvisioningValue, type ProvisioningValues } from '../../core/documents/provisioning-values.ts'
import { deleteSetting, loadSetting, putSetting } from '../../store/deployment-settings.ts'
import { poolSession, transact } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Problem } from './schemas.ts'
import { readContent } from './xml-text.ts'

// The known names (MS-SIPREGE 2.2.2.5) are such words too; clients may ask for others.
const Groups = Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }), Type.String({ maxLength: 262_144 }), {
  additionalProperties: false, maxProperties: 100,
  description: 'Name of a group (ServerConfiguration, meetingPolicy, ucPolicy, publicationGrammar, userSetting, endpointConfiguration, locationPolicy, mediaConfiguration, presencePolicyV2, privacyPublicationGrammar, publicProviders, persistentChatConfiguration, or any other word) to its content, XML text in the namespace of the provisioning document.',
})

const schemaOf = ({ kind, description }: ProvisioningValue): TSchema =>
  kind === 'boolean' ? Type.Boolean({ description }) : kind === 'port' ? Type.Integer({ minimum: 1024, maximum: 65_535, description })
    : kind === 'url' ? Type.String({ pattern: '^https?://[^\\s<>"]+$', maxLength: 2048, description }) : kind === 'text' ? Type.String({ pattern: '^[^\\u0000-\\u001f]*[^\\u0000-\\u0020][^\\u0000-\\u001f]*$', maxLength: 512, description })
      : Type.Enum([...kind], { description })

const Values = Type.Unsafe<ProvisioningValues>(Type.Object(Object.fromEntries(provisioningValues.map((value) => [value.name, Type.Optional(schemaOf(value))])), {
  additionalProperties: false, description: 'Single values, which the engine puts into ServerConfiguration and endpointConfiguration. Not together with such a group as a whole.',
}))

const Provisioning = Type.Object({ groups: Groups, values: Values }, { additionalProperties: false, $id: 'Provisioning' })
const Body = Type.Object({ groups: Type.Optional(Groups), values: Type.Optional(Values) }, { additionalProperties: false, minProperties: 1 })

const bytesOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)

/** What clients get by in-band provisioning (MS-SIPREGE 2.2.2.5). What the operator does not set of the smallest useful set is as the engine has it. */
export const provisioningRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['provisioning']
  const session = poolSession(deps.store.pool)

  app.get('/provisioning', { schema: { tags, summary: 'Read the provisioning groups and values that the operator has set', response: { 200: Provisioning } } }, async () =>
    ({ groups: await loadSetting(session, 'provisioning') ?? {}, values: await loadSetting(session, 'provisioningValues') ?? {} }))

  app.put('/provisioning', {
    schema: { tags, summary: 'Replace the provisioning groups and values; what is not named is as the engine has it', body: Body, response: { 200: Provisioning, 400: Problem, 413: Problem } },
  }, async (request) => {
    const values = request.body.values ?? {}
    const groups = Object.fromEntries(Object.entries(request.body.groups ?? {}).map(([name, content]) => [name, readContent(content, `groups/${name}`)]))
    const [fault] = findProvisioningFaults(values, groups)
    if (fault !== undefined) throw new ProblemError(400, fault)
    const bytes = bytesOf(Object.entries(groups).flat()) + bytesOf(Object.entries(values).flat().map(String))
    // Whoever asks for all of them gets them in one message.
    if (bytes > deps.limits.maxAnswerBytes) throw new ProblemError(400, `groups: ${bytes} bytes, at most ${deps.limits.maxAnswerBytes} fit into one answer`)
    const now = deps.now()
    await transact(deps.store.pool, async (tx) => {
      void putSetting(tx, 'provisioning', groups, now)
      void putSetting(tx, 'provisioningValues', values, now)
    })
    deps.provisioning.forget()
    deps.log.info({ groups: Object.keys(groups), values: Object.keys(values) }, 'provisioning set')
    return { groups, values }
  })

  app.delete('/provisioning', { schema: { tags, summary: 'Return to the smallest useful set', response: { 204: Type.Null() } } }, async (_request, reply) => {
    await transact(deps.store.pool, async (tx) => {
      void deleteSetting(tx, 'provisioning')
      void deleteSetting(tx, 'provisioningValues')
    })
    deps.provisioning.forget()
    deps.log.info('provisioning removed')
    return reply.code(204).send(null)
  })
}
