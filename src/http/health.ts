import type { FastifyInstance } from 'fastify'

/** Whether the engine can serve now, and if not, why. */
export type Readiness = true | { readonly why: string }

/** Liveness says that the process answers; readiness that it can serve, which needs the database and room for more. */
export const addHealth = (app: FastifyInstance, isReady: () => Promise<Readiness>): void => {
  app.get('/health/live', { schema: { hide: true } as object }, async () => ({ status: 'live' }))
  app.get('/health/ready', { schema: { hide: true } as object }, async (_request, reply) => {
    const ready = await isReady()
    return ready === true ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', why: ready.why })
  })
}
