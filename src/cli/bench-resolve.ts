import { join } from 'node:path'
import { noTouch, type Touch } from '../core/model/touch.ts'
import type { Container, ContainerMember } from '../core/model/container.ts'
import type { Dialog, NotifyInstruction, Subscription } from '../core/model/dialog.ts'
import { noDelegates } from '../core/model/delegate.ts'
import type { CategoryInstance } from '../core/model/publication.ts'
import type { SeenState } from '../core/model/publisher.ts'
import { writeSeenChanges } from '../core/notifications/category.ts'
import { createProxies } from '../delivery/proxies.ts'
import { tellChanges } from '../delivery/tell-changes.ts'
import { packageRoot } from '../main.ts'
import { createLog } from '../observe/log.ts'
import { connectStore, type Store } from '../store/connect.ts'
import { insertDialog } from '../store/dialogs.ts'
import { migrate, readMigrations } from '../store/migrate.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { createSender } from '../store/sender.ts'
import { transact } from '../store/session.ts'
import { putResources } from '../store/subscriptions.ts'
import { createUser } from '../store/users.ts'
import { databaseKinds, onDatabases } from './bench-database.ts'
import type { Row } from './bench-statistics.ts'

const WATCHERS = 10_000
const MEMBERS = 1_000
const CATEGORIES = ['state', 'note', 'contactCard', 'calendarData', 'services']
const PUBLISHER = 'star@example.com'
const NOW = Date.parse('2026-01-01T00:00:00Z')

const nameOf = (watcher: number): string => `w${watcher}@example.com`

const friends: readonly ContainerMember[] = Array.from({ length: MEMBERS }, (_, at) => ({ type: 'user', value: nameOf(at) }))
const colleagues: readonly ContainerMember[] = [{ type: 'sameEnterprise', value: '' }]
const container = (id: number, members: readonly ContainerMember[]): Container => ({ id, membersVersion: 1, members })

/** Friends in 300 and colleagues in 200, and the change that moves every one of them: friends to 400, colleagues to 100. */
const before = [container(300, friends), container(200, colleagues), container(400, []), container(100, [])]
const after = [container(300, []), container(200, []), container(400, friends), container(100, colleagues)]
const touch: Touch = { ...noTouch, membersBefore: Object.fromEntries(before.map(({ id, members }) => [id, members])) }

const instances: readonly CategoryInstance[] = [100, 200, 300, 400].flatMap((at) => CATEGORIES.map((category) => ({
  category, container: at, instance: 0, instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined, publishTime: NOW, payload: `<${category} xmlns="urn:bench">${'x'.repeat(400)} ${at}</${category}>`,
})))

const subscriptionOf = (watcher: number): Subscription =>
  ({ publisher: PUBLISHER, subscriber: nameOf(watcher), localTag: `t${watcher}`, network: 'sameEnterprise', categories: CATEGORIES, since: 0 })

const cpuMs = (since: NodeJS.CpuUsage): number => Math.round(process.cpuUsage(since).user / 100) / 10

const coreRow = (): Row => {
  const state: SeenState = { publisher: PUBLISHER, instances, containers: after, endpoints: [], subscribers: [], delegates: noDelegates }
  const subscriptions = Array.from({ length: WATCHERS }, (_, at) => subscriptionOf(at))
  const from = process.cpuUsage()
  const began = performance.now()
  const heard = writeSeenChanges(state, touch, subscriptions, () => false)
  return { what: 'resolve and render', watchers: WATCHERS, members: MEMBERS, 'moved': heard.size, 'distinct bodies': new Set(heard.values()).size, 'ms': Math.round((performance.now() - began) * 10) / 10, 'CPU ms': cpuMs(from) }
}

const dialogOf = (watcher: number): Dialog => ({
  subscriber: nameOf(watcher), localTag: `t${watcher}`, remoteTag: 'r', callId: `c${watcher}`, kind: 'batch', event: 'presence', endpointId: undefined, network: 'sameEnterprise', networkNamed: false, localText: `<sip:${nameOf(watcher)}>;tag=t${watcher}`,
  remoteText: `<sip:${nameOf(watcher)}>;tag=r`, target: `sip:${nameOf(watcher)}`, routes: [], proxy: 'bench', flow: `f${watcher}`, contact: 'sip:bench', benotify: true, cseq: 1, remoteCseq: 1, notifiedAt: NOW, scope: [], since: 0,
  createdAt: NOW, expiresAt: Date.now() + 3_600_000, extendMs: 0, sender: 'bench', rlmiVersion: 0, ucs: false,
})

/** Everything that a watcher needs to be told: one dialog each, and the publisher with what it publishes. */
const prepare = async (store: Store): Promise<void> => {
  await migrate(store.pool, readMigrations(join(packageRoot(), 'migrations')))
  await transact(store.pool, async (tx) => { void createUser(tx, PUBLISHER, 'Star', [], NOW) })
  const put = (containers: readonly Container[]) => containers.map(({ id, membersVersion, members }) => ({ kind: 'putContainer', id, membersVersion, added: members, removed: [] }) as const)
  await transact(store.pool, async (tx) => {
    await loadUnderLock(tx, PUBLISHER, {})
    await applyOutcome(tx, PUBLISHER, { changes: [...instances.map((instance) => ({ kind: 'putInstance', instance }) as const), ...put(before)], touch: noTouch }, 'bench', NOW)
  })
  for (let from = 0; from < WATCHERS; from += 1_000) {
    await transact(store.pool, async (tx) => {
      for (let watcher = from; watcher < from + 1_000; watcher += 1) {
        const dialog = dialogOf(watcher)
        void insertDialog(tx, dialog)
        void putResources(tx, dialog, 'sameEnterprise', [{ publisher: PUBLISHER, categories: CATEGORIES }], Date.now())
      }
    })
  }
}

/** The same change committed on a database and told by the delivery, into a proxy that only counts. */
const deliveryRow = async (database: string, store: Store): Promise<Row> => {
  await prepare(store)
  await transact(store.pool, async (tx) => {
    await loadUnderLock(tx, PUBLISHER, {})
    const changes = after.map(({ id, members }, at) => ({ kind: 'putContainer', id, membersVersion: 2, added: members, removed: before[at]?.members ?? [] }) as const)
    await applyOutcome(tx, PUBLISHER, { changes, touch }, 'bench', Date.now())
  })
  const told: NotifyInstruction[] = []
  const client = { deliver: async (instructions: readonly NotifyInstruction[]) => { told.push(...instructions); return { results: instructions.map(() => 'sent' as const) } }, close: () => undefined }
  const proxies = createProxies(new Map([['bench', client]]), Date.now, Math.random, () => undefined)
  const from = process.cpuUsage()
  const began = performance.now()
  await tellChanges(store.pool, { proxies, sender: createSender(() => 'bench'), known: store.publishing.known, flowWaitMs: 0, gapMs: 0, maxListBytes: 1_000_000, contactStore: false, patience: 'patient', pause: async () => undefined, slots: (work) => work(), log: createLog('silent'), terms: async () => ({ categories: [], isHidden: () => false, pidfForm: () => 'both', showsDevices: new Set<number>(), showsPhones: new Set<number>(), now: Date.now() }), now: Date.now, fraction: Math.random }, [PUBLISHER])
  return { what: `commit to hand-over, ${database}`, watchers: WATCHERS, members: MEMBERS, 'moved': told.length, 'distinct bodies': new Set(told.map(({ b }) => b)).size, 'ms': Math.round(performance.now() - began), 'CPU ms': cpuMs(from) }
}

/** One publisher with 10,000 watchers and 1,000 members; one setContainerMembers moves all of them (3.5.5.4). */
export const benchResolve = async (): Promise<readonly Row[]> => {
  coreRow()
  // What goes wrong shows in the statements; dropping the database cuts what the pool still holds.
  const onError = (): void => undefined
  return [coreRow(), ...await onDatabases(databaseKinds, async (kind, url) => {
    const store = await connectStore({ ...(url === undefined ? {} : { url }), onError })
    try {
      return [await deliveryRow(kind === 'postgres' ? 'PostgreSQL' : kind, store)]
    } finally {
      await store.close()
    }
  })]
}
