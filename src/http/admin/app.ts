import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { isDatabaseUnavailable, isLockTimeout } from '../../store/errors.ts'
import { readBearer, sameSecret } from '../credentials.ts'
import { addHealth } from '../health.ts'
import { ProblemError, problemType, writeProblem } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { accessRoutes } from './access.ts'
import { categoryRoutes } from './categories.ts'
import { contactRoutes } from './contacts.ts'
import { contactStoreRoutes } from './contact-store.ts'
import { containerRoutes } from './containers.ts'
import { delegateRoutes } from './delegates.ts'
import { deliveryRoutes } from './deliveries.ts'
import { directoryFeedRoutes } from './directory-feed.ts'
import { domainRoutes } from './domains.ts'
import { eventStateRoutes } from './event-states.ts'
import { explainRoutes } from './explain.ts'
import { landingPage } from './landing-page.ts'
import { publicationRoutes } from './publications.ts'
import { presenceRoutes } from './presence.ts'
import { provisioningRoutes } from './provisioning.ts'
import { proxyRoutes } from './proxies.ts'
import { resourceListRoutes } from './resource-lists.ts'
import { subscriberRoutes } from './subscribers.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { templateRoutes } from './template.ts'
import { userRoutes } from './users.ts'

/** The HTTP interface for operators: REST behind a bearer key, OpenAPI, health and metrics. */
export const buildAdminApp = async (deps: AdminDeps): Promise<FastifyInstance> => {
  const app = Fastify({
    logger: false, bodyLimit: 256 * 1024, requestTimeout: 30_000, return503OnClosing: true, routerOptions: { maxParamLength: 600 },
    // Fastify's defaults would drop unknown fields and turn text into numbers without a word.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setErrorHandler(async (error, request, reply) => {
    const answer = (status: number, detail?: string, errors?: { at: string; message: string }[]) => reply.code(status).type(problemType).send(writeProblem(status, detail, errors))
    if (error instanceof ProblemError) return answer(error.status, error.message)
    const validation = error instanceof Error && 'validation' in error && Array.isArray(error.validation) ? (error.validation as { instancePath: string; message?: string; params?: Record<string, unknown> }[]) : undefined
    if (validation !== undefined) {
      const place = error instanceof Error && 'validationContext' in error ? String(error.validationContext) : 'request'
      return answer(400, `the ${place} is not valid`, validation.map(({ instancePath, message, params }) => ({ at: instancePath || '/', message: `${message ?? 'is not valid'}${params?.['additionalProperty'] === undefined ? '' : ` (${String(params['additionalProperty'])})`}` })))
    }
    if (isDatabaseUnavailable(error)) return answer(503, 'the database does not answer')
    if (isLockTimeout(error)) return answer(503, 'somebody else is changing this just now')
    const status = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
    if (status >= 500) deps.log.error({ err: error, url: request.url }, 'admin request failed')
    return answer(status, status >= 500 || !(error instanceof Error) ? undefined : error.message)
  })
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).type(problemType).send(writeProblem(404, 'there is nothing here')))

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Presentia administration', version: '1', description: 'Domains and users of a Presentia presence engine.' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  })
  await app.register(swaggerUi, { routePrefix: '/admin/docs' })
  app.get('/admin/openapi.json', { schema: { hide: true } as object }, async () => app.swagger())
  app.get('/metrics', { schema: { hide: true } as object }, async (_request, reply) => reply.type(deps.metrics.contentType).send(await deps.metrics.text()))
  app.get('/', { schema: { hide: true } as object }, async (_request, reply) => reply.type('text/html; charset=utf-8').send(landingPage))
  addHealth(app, deps.isReady)
  await app.register(async (scoped) => {
    // The hook belongs to the routes, not to a path: a path can be written in many ways.
    scoped.addHook('onRequest', async (request, reply) => {
      const key = readBearer(request.headers.authorization)
      if (!sameSecret(key ?? '', deps.adminKey)) {
        await reply.code(401).header('www-authenticate', 'Bearer realm="presentia"').type(problemType).send(writeProblem(401, 'the admin key is missing or wrong'))
      }
    })
    await scoped.register(domainRoutes(deps))
    await scoped.register(userRoutes(deps))
    await scoped.register(categoryRoutes(deps))
    await scoped.register(publicationRoutes(deps))
    await scoped.register(eventStateRoutes(deps))
    await scoped.register(containerRoutes(deps))
    await scoped.register(templateRoutes(deps))
    await scoped.register(presenceRoutes(deps))
    await scoped.register(explainRoutes(deps))
    await scoped.register(subscriptionRoutes(deps))
    await scoped.register(deliveryRoutes(deps))
    await scoped.register(subscriberRoutes(deps))
    await scoped.register(delegateRoutes(deps))
    await scoped.register(contactRoutes(deps))
    if (deps.contactStore !== undefined) await scoped.register(contactStoreRoutes(deps, deps.contactStore))
    if (deps.features.accessLists) await scoped.register(accessRoutes(deps))
    await scoped.register(provisioningRoutes(deps))
    await scoped.register(proxyRoutes(deps))
    await scoped.register(directoryFeedRoutes(deps))
    if (deps.features.resourceLists) await scoped.register(resourceListRoutes(deps))
  }, { prefix: '/admin/v1' })
  await app.ready()
  return app
}
