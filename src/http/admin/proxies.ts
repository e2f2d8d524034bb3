import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { forgetReconciliation, loadReconciliation } from '../../engine/reconcile.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Problem } from './schemas.ts'

const Proxy = Type.Object({
  id: Type.String(), kind: Type.Enum(['kamailio', 'opensips', 'plain']),
  reconciliation: Type.Optional(Type.Object({
    startedAt: Type.String({ format: 'date-time', description: 'When the latest round began.' }),
    underWay: Type.Boolean({ description: 'It is not over; one that stays so long after its start has a proxy that does not answer.' }),
  }, { description: 'Comparing the endpoints of this proxy with its registrar; absent when a first round is still to come, or none ever will.' })),
}, { $id: 'Proxy' })

/** The proxies, as they are configured, and how far they are compared with what the engine knows. */
export const proxyRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['proxies']

  const view = async (id: string, kind: 'kamailio' | 'opensips' | 'plain') => {
    const round = await loadReconciliation(deps, id)
    return { id, kind, ...(round === undefined ? {} : { reconciliation: { startedAt: new Date(round.startedAt).toISOString(), underWay: round.position !== undefined } }) }
  }

  app.get('/proxies', { schema: { tags, summary: 'List the configured proxies', response: { 200: Type.Object({ items: Type.Array(Proxy) }) } } }, async () => {
    const items = []
    for (const [id, { kind }] of deps.proxies) items.push(await view(id, kind))
    return { items }
  })

  app.post('/proxies/:id/reconcile', {
    schema: { tags, summary: 'Compare the endpoints of a proxy with its registrar at once', params: Type.Object({ id: Type.String({ maxLength: 64 }) }), response: { 202: Proxy, 404: Problem, 409: Problem } },
  }, async (request, reply) => {
    const proxy = deps.proxies.get(request.params.id)
    if (proxy === undefined) throw new ProblemError(404, 'no such proxy is configured')
    if (!deps.reconciles) throw new ProblemError(409, 'comparing with registrars is switched off (PRESENTIA_RECONCILE_MS)')
    // Whichever engine has time begins a new round within seconds.
    await forgetReconciliation(deps, request.params.id)
    deps.log.info({ proxy: request.params.id }, 'comparison with the registrar asked for')
    return reply.code(202).send(await view(request.params.id, proxy.kind))
  })
}
