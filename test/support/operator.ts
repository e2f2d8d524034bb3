import type { InjectOptions } from 'fastify'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import type { World } from './world.ts'

const KEY = 'key-of-the-operator-42'

/** A call of the admin API; answers with its status. */
export type Operator = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<number>

/** The admin interface of a world's engine as it is now. */
export const openOperator = async (world: World): Promise<Operator> => {
  const app = await buildAdminApp({
    ...world.engine, adminKey: KEY, wake: (publishers) => world.delivery.wake(publishers), enforceRights: () => world.enforces(), isReady: async () => true,
    log: createLog('silent'), metrics: createMetrics({ pendingChanges: async () => 0, deferredNotifications: async () => 0 }),
  })
  return async (method, path, body) => {
    const { statusCode } = await app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}` }, ...(body === undefined ? {} : { payload: body as Exclude<InjectOptions['payload'], undefined> }) })
    await world.delivery.idle()
    return statusCode
  }
}
