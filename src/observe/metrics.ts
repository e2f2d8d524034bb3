import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Everything that is counted, by name. */
export interface Metrics {
  /** A SIP request by the status of its answer. */
  readonly request: (status: number | 'relayed', milliseconds: number) => void
  readonly registration: (what: string) => void
  readonly notifications: (count: { readonly sent: number; readonly gone: number; readonly deferred: number }) => void
  readonly failedNotify: (code: number) => void
  readonly told: (changes: number, oldestMs: number) => void
  readonly jobFailed: (job: string) => void
  /** What came of comparing endpoints with the registrar of a proxy; the time when a round over all of them came to its end. */
  readonly reconciled: (proxy: string, count: { readonly vanished: number; readonly renewed: number }, completedAt?: number) => void
  /** Prometheus text. */
  readonly text: () => Promise<string>
  readonly contentType: string
}

/** Gauges that are asked for when someone looks. */
export interface Gauges {
  readonly pendingChanges: () => Promise<number>
  readonly deferredNotifications: () => Promise<number>
  /** Publishes refused as conflict storms so far. */
  readonly conflictStorms?: () => number
}

export const createMetrics = (gauges: Gauges): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'presentia_' })
  const registers = [registry]
  const requests = new Histogram({ name: 'presentia_sip_request_seconds', help: 'SIP requests by status and time to the answer', labelNames: ['status'], buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3], registers })
  const registrations = new Counter({ name: 'presentia_registrations_total', help: 'Registration events by kind', labelNames: ['what'], registers })
  const notifications = new Counter({ name: 'presentia_notifications_total', help: 'Notifications handed to proxies by result', labelNames: ['result'], registers })
  const failed = new Counter({ name: 'presentia_notify_failures_total', help: 'NOTIFY answered with a failure, by code', labelNames: ['code'], registers })
  const told = new Histogram({ name: 'presentia_change_delay_seconds', help: 'Time from a committed change to its delivery', buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30], registers })
  const coalesced = new Counter({ name: 'presentia_changes_told_total', help: 'Committed changes that have been told', registers })
  const jobs = new Counter({ name: 'presentia_job_failures_total', help: 'Failed runs of timers and deliveries', labelNames: ['job'], registers })
  const reconciled = new Counter({ name: 'presentia_reconciled_endpoints_total', help: 'Endpoints that the registrar of their proxy knew otherwise, by what it said', labelNames: ['proxy', 'result'], registers })
  const reconciledAt = new Gauge({ name: 'presentia_reconciled_timestamp_seconds', help: 'When all endpoints of a proxy were last compared with its registrar, as far as this engine finished it', labelNames: ['proxy'], registers })
  for (const [name, help, read] of [
    ['presentia_pending_changes', 'Committed changes not told yet', gauges.pendingChanges],
    ['presentia_deferred_notifications', 'Dialogs that are owed a notification', gauges.deferredNotifications],
  ] as const) {
    new Gauge({ name, help, registers, async collect() { this.set(await read().catch(() => Number.NaN)) } })
  }
  const { conflictStorms } = gauges
  if (conflictStorms !== undefined) {
    new Gauge({ name: 'presentia_conflict_storms_total', help: 'Publishes refused because their endpoint ran into the same conflict for ever', registers, collect() { this.set(conflictStorms()) } })
  }
  return {
    request: (status, milliseconds) => requests.observe({ status }, milliseconds / 1000),
    registration: (what) => registrations.inc({ what }),
    notifications: ({ sent, gone, deferred }) => {
      if (sent > 0) notifications.inc({ result: 'sent' }, sent)
      if (gone > 0) notifications.inc({ result: 'gone' }, gone)
      if (deferred > 0) notifications.inc({ result: 'deferred' }, deferred)
    },
    failedNotify: (code) => failed.inc({ code }),
    told: (changes, oldestMs) => {
      coalesced.inc(changes)
      told.observe(Math.max(0, oldestMs) / 1000)
    },
    jobFailed: (job) => jobs.inc({ job }),
    reconciled: (proxy, { vanished, renewed }, completedAt) => {
      if (vanished > 0) reconciled.inc({ proxy, result: 'vanished' }, vanished)
      if (renewed > 0) reconciled.inc({ proxy, result: 'renewed' }, renewed)
      if (completedAt !== undefined) reconciledAt.set({ proxy }, completedAt / 1000)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
