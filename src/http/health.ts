import type { FastifyInstance } from 'fastify'

/** Liveness says that the process answers; readiness that it can serve, which needs the database. */
export const addHealth = (app: FastifyInstance, isReady: () => Promise<boolean>): void => {
  app.get('/health/live', { schema: { hide: true } as object }, async () => ({ status: 'live' }))
  app.get('/health/ready', { schema: { hide: true } as object }, async (_request, reply) => {
    const ready = await isReady()
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' })
  })
}
