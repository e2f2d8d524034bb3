import type { InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import type { AdminDeps } from '../../src/http/admin/deps.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import type { World } from './world.ts'

/** The key of the admin interface in tests. */
export const KEY = 'key-of-the-operator-42'

/** An answer of the admin interface. */
export interface AdminAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly json: <T>() => T
}

/** Sends a request of the operator and waits until what it changed is told. */
export type AdminCall = (method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, payload?: object) => Promise<AdminAnswer>

/** What the admin interface works on in a world: the caches of its engine, as in one process. */
export const adminDeps = (world: World, changes: Partial<AdminDeps> = {}): AdminDeps => {
  const { store, domains, categories, plan, template, provisioning, memberDomains, limits, presenceTerms, serverPublications, features, migratedWrites } = world.engine
  return {
    store, domains, categories, plan, template, provisioning, memberDomains, limits, presenceTerms, serverPublications, features, migratedWrites, contactStore: undefined, proxies: new Map([['kam1', { kind: 'kamailio' }], ['kam2', { kind: 'plain' }]]), reconciles: true, feedsUsers: true, now: () => world.now, adminKey: KEY, wake: (publishers) => world.delivery.wake(publishers), enforceRights: () => world.enforces(), settleResourceLists: () => world.settlesLists(),
    endExpired: () => world.delivery.endExpired(), isReady: async () => true, log: createLog('silent'), metrics: createMetrics(), ...changes,
  }
}

/** The admin interface on a world. */
export const openAdmin = async (world: World, changes: Partial<AdminDeps> = {}): Promise<AdminCall> => {
  const app = await buildAdminApp(adminDeps(world, changes))
  return async (method, path, payload) => {
    const response = await app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}` }, ...(payload === undefined ? {} : { payload: payload as Exclude<InjectOptions['payload'], undefined> }) })
    await world.delivery.idle()
    return { status: response.statusCode, type: String(response.headers['content-type'] ?? ''), text: response.body, json: <T>(): T => response.json<T>() }
  }
}

/** The answer is a problem document with this status and, somewhere in it, this text. */
export const isProblem = (t: Test, { status, type, json }: AdminAnswer, expected: number, name: string, says: RegExp = /./): void => {
  t.strictSame([status, type.split(';', 1)[0]], [expected, 'application/problem+json'], name)
  t.match(json(), { status: expected, title: String }, name)
  t.match(JSON.stringify(json()), says, name)
}
