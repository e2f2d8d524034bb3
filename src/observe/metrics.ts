import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { addGauges, type Sources } from './gauges.ts'

/** Everything that is counted, by name. */
export interface Metrics {
  /** A SIP request by the status of its answer. */
  readonly request: (status: number | 'relayed', milliseconds: number) => void
  /** A refusal by its name in the catalogue, and whether it was a version conflict. */
  readonly refused: (name: string) => void
  /** A change that came too late: it lost a `race` that the engine repeats by itself, or carried an old `version` and was refused. */
  readonly conflict: (kind: 'race' | 'version') => void
  readonly registration: (what: string) => void
  /** What a PUBLISH that was carried out did. */
  readonly eventState: (operation: string) => void
  readonly notifications: (count: { readonly sent: number; readonly gone: number; readonly deferred: number }) => void
  readonly failedNotify: (code: number) => void
  readonly told: (changes: number, oldestMs: number) => void
  /** Changes that were told together with a later one of the same publisher. */
  readonly coalesced: (changes: number) => void
  /** Notifications that were not sent because the watcher would have seen nothing new. */
  readonly suppressed: (notifications: number) => void
  readonly jobFailed: (job: string) => void
  /** What came of comparing endpoints with the registrar of a proxy; the time when a round over all of them came to its end. */
  readonly reconciled: (proxy: string, count: { readonly vanished: number; readonly renewed: number }, completedAt?: number) => void
  /** What reading users from an outside directory changed, and that a run of it ended well at a time, or failed. */
  readonly fed: (count: { readonly created: number; readonly changed: number; readonly removed: number }) => void
  readonly feedEnded: (succeededAt: number | undefined) => void
  readonly databaseWaited: (milliseconds: number) => void
  readonly databaseHeld: (milliseconds: number) => void
  /** Adds the gauges that look at other parts when somebody looks at them; once. */
  readonly watch: (sources: Sources) => void
  /** Prometheus text. */
  readonly text: () => Promise<string>
  readonly contentType: string
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3]

/** Metrics of one engine. The README's table of them is compared with the names and meanings here. */
export const createMetrics = (): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'presentia_' })
  const registers = [registry]
  const requests = new Histogram({ name: 'presentia_sip_request_seconds', help: 'SIP requests by status and time to the answer', labelNames: ['status'], buckets: SECONDS, registers })
  const refusals = new Counter({ name: 'presentia_refusals_total', help: 'Refusals by name', labelNames: ['name'], registers })
  const conflicts = new Counter({ name: 'presentia_conflicts_total', help: 'Changes that came too late: kind version was refused with 409, kind race was repeated by the engine', labelNames: ['kind'], registers })
  const registrations = new Counter({ name: 'presentia_registrations_total', help: 'Registration events by kind', labelNames: ['what'], registers })
  const eventStates = new Counter({ name: 'presentia_event_states_total', help: 'PUBLISH requests of phones that were carried out, by what they did', labelNames: ['operation'], registers })
  const notifications = new Counter({ name: 'presentia_notifications_total', help: 'Notifications handed to proxies by result', labelNames: ['result'], registers })
  const failed = new Counter({ name: 'presentia_notify_failures_total', help: 'NOTIFY answered with a failure, by code', labelNames: ['code'], registers })
  const delays = new Histogram({ name: 'presentia_change_delay_seconds', help: 'Time from a committed change to its delivery', buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30], registers })
  const told = new Counter({ name: 'presentia_changes_told_total', help: 'Committed changes that have been told', registers })
  const coalesced = new Counter({ name: 'presentia_changes_coalesced_total', help: 'Committed changes that were told together with a later one', registers })
  const suppressed = new Counter({ name: 'presentia_notifications_suppressed_total', help: 'Notifications not sent because they would have shown nothing new', registers })
  const jobs = new Counter({ name: 'presentia_job_failures_total', help: 'Failed runs of timers and deliveries', labelNames: ['job'], registers })
  const reconciled = new Counter({ name: 'presentia_reconciled_endpoints_total', help: 'Endpoints that the registrar of their proxy knew otherwise, by what it said', labelNames: ['proxy', 'result'], registers })
  const reconciledAt = new Gauge({ name: 'presentia_reconciled_timestamp_seconds', help: 'When all endpoints of a proxy were last compared with its registrar, as far as this engine finished it', labelNames: ['proxy'], registers })
  const fed = new Counter({ name: 'presentia_directory_feed_users_total', help: 'Users created, changed or removed because of what LDAP says', labelNames: ['result'], registers })
  const fedAt = new Gauge({ name: 'presentia_directory_feed_success_timestamp_seconds', help: 'When reading users from LDAP last ended well, as far as this engine did it', registers })
  const feedFailures = new Counter({ name: 'presentia_directory_feed_failures_total', help: 'Runs of reading users from LDAP that ended badly', registers })
  const waits = new Histogram({ name: 'presentia_database_wait_seconds', help: 'Time waited for a connection to the database', buckets: SECONDS, registers })
  const holds = new Histogram({ name: 'presentia_database_hold_seconds', help: 'Time a connection was held, by a transaction or a statement that stands alone', buckets: SECONDS, registers })
  return {
    request: (status, milliseconds) => requests.observe({ status }, milliseconds / 1000),
    refused: (name) => refusals.inc({ name }),
    conflict: (kind) => conflicts.inc({ kind }),
    registration: (what) => registrations.inc({ what }),
    eventState: (operation) => eventStates.inc({ operation }),
    notifications: ({ sent, gone, deferred }) => {
      if (sent > 0) notifications.inc({ result: 'sent' }, sent)
      if (gone > 0) notifications.inc({ result: 'gone' }, gone)
      if (deferred > 0) notifications.inc({ result: 'deferred' }, deferred)
    },
    failedNotify: (code) => failed.inc({ code }),
    told: (changes, oldestMs) => {
      told.inc(changes)
      delays.observe(Math.max(0, oldestMs) / 1000)
    },
    coalesced: (changes) => coalesced.inc(changes),
    suppressed: (count) => suppressed.inc(count),
    jobFailed: (job) => jobs.inc({ job }),
    reconciled: (proxy, { vanished, renewed }, completedAt) => {
      if (vanished > 0) reconciled.inc({ proxy, result: 'vanished' }, vanished)
      if (renewed > 0) reconciled.inc({ proxy, result: 'renewed' }, renewed)
      if (completedAt !== undefined) reconciledAt.set({ proxy }, completedAt / 1000)
    },
    fed: (count) => { for (const result of ['created', 'changed', 'removed'] as const) if (count[result] > 0) fed.inc({ result }, count[result]) },
    feedEnded: (succeededAt) => (succeededAt === undefined ? feedFailures.inc() : fedAt.set(succeededAt / 1000)),
    databaseWaited: (milliseconds) => waits.observe(milliseconds / 1000),
    databaseHeld: (milliseconds) => holds.observe(milliseconds / 1000),
    watch: (sources) => addGauges(registry, sources),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
