import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { bringPublishers, createCrowd, publisherName, publishNotes, range, watcherName } from './bench-crowd.ts'
import { expectOk, sipLink, type Link } from './bench-link.ts'
import { createEar, readCpu, withStage, type CpuTimes, type Ear } from './bench-stage.ts'
import { inParallel } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { freePort } from './free-port.ts'
import { startKamailioOn } from './kamailio-process.ts'
import { findPostmaster } from './process-cpu.ts'
import * as theirWire from './yardstick-messages.ts'

/** A presence server behind a SIP port, driven by the same load as all others. */
export interface Contestant {
  readonly open: () => Promise<Link>
  readonly ear: Ear
  readonly cpu: () => CpuTimes
  /** Lets there be so many watchers, each with a dialog of its own to each publisher; the dialogs that were opened. */
  readonly grow: (watchers: number) => Promise<number>
  /** A new state in place of the one before. */
  readonly publish: (link: Link, publisher: number, turn: number) => Promise<void>
}

const CONNECTIONS = 100
const SET_UP_WIDTH = 8

/** Notifications as our clients negotiate them, or as ordinary phones do. */
export const notificationKinds = ['benotify', 'notify'] as const
export type NotificationKind = (typeof notificationKinds)[number]

/** The engine behind Kamailio, as `npm run stack` puts them together. */
export const withOurs = <T>(databaseUrl: string, publishers: number, kind: NotificationKind, work: (contestant: Contestant) => Promise<T>): Promise<T> =>
  withStage({ way: 'kamailio', databaseUrl }, async (stage) => {
    await bringPublishers(stage, publishers, (user) => wire.publishNote(user, 200, 0, 'hello'))
    const crowd = createCrowd(stage)
    const publish = publishNotes()
    let size = 0
    return work({
      open: stage.open, ear: stage.ear, cpu: stage.cpu,
      grow: async (watchers) => {
        await crowd.grow(watchers, async () => undefined)
        const dialogs = range(size, watchers).flatMap((watcher) => range(0, publishers).map((publisher) => ({ watcher, publisher })))
        size = watchers
        await inParallel(dialogs, SET_UP_WIDTH, ({ watcher, publisher }) =>
          expectOk('watch', crowd.linkOf(watcher).send(wire.watchOne(watcherName(watcher), publisherName(publisher), ...(kind === 'notify' ? [wire.ANSWERED_NOTIFY_TAGS] : [])))))
        return dialogs.length
      },
      publish: (link, publisher, turn) => publish(link, publisherName(publisher), turn),
    })
  })

/** Its transactions stay in shared memory for a while after they are done; it never grows. */
const SHARED_MEGABYTES = 2048

const MODULES = ['presence', 'presence_xml', 'db_postgres']
const SCRIPTS = '/usr/share/kamailio/postgres'

/** What of Debian's packages is missing for their side, with the command that brings it; undefined when all is there. */
export const whatTheirsLacks = (): string | undefined => {
  const folder = spawnSync('sh', ['-c', 'dirname "$(find /usr/lib /usr/lib64 -name tm.so -path "*kamailio*" 2>/dev/null | head -n 1)"'], { encoding: 'utf8' }).stdout.trim()
  const missing = [...MODULES.map((name) => `${folder}/${name}.so`), `${SCRIPTS}/standard-create.sql`, `${SCRIPTS}/presence-create.sql`].filter((file) => !existsSync(file))
  return missing.length === 0 ? undefined : `${missing.join(', ')} not found; on Debian: apt-get install kamailio-presence-modules kamailio-postgres-modules (they start no service)`
}

const createTables = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const script of ['standard-create.sql', 'presence-create.sql']) await client.query(readFileSync(`${SCRIPTS}/${script}`, 'utf8'))
  } finally {
    await client.end()
  }
}

/** Kamailio's presence modules on their own (kamailio/yardstick.cfg): everything in the database, or in memory only. */
export const withTheirs = async <T>(databaseUrl: string, publishers: number, durable: boolean, work: (contestant: Contestant) => Promise<T>): Promise<T> => {
  await createTables(databaseUrl)
  const port = await freePort()
  const ear = createEar()
  const connect = (): Promise<Link> => sipLink(port, () => ear.listen(1))
  const isUp = (): Promise<boolean> => connect().then((link) => { link.close(); return true }, () => false)
  const kamailio = await startKamailioOn({ configuration: 'yardstick.cfg', settings: { LISTEN_TCP: `tcp:127.0.0.1:${port}`, DB_URL: databaseUrl, ...(durable ? { DURABLE: '1' } : {}) }, isUp, megabytes: SHARED_MEGABYTES })
  const database = await findPostmaster(databaseUrl)
  const links: Link[] = []
  const open = async (): Promise<Link> => {
    const link = await connect()
    links.push(link)
    return link
  }
  try {
    const tags = new Map<number, string | undefined>()
    const publish: Contestant['publish'] = async (link, publisher, turn) => {
      const { head } = await expectOk('publish', link.send(theirWire.publish(publisherName(publisher), link.localPort, tags.get(publisher), `note ${turn}`)))
      tags.set(publisher, theirWire.entityTagOf(head))
    }
    const first = await open()
    await inParallel(range(0, publishers), 1, (publisher) => publish(first, publisher, 0))
    const watching: Link[] = []
    let size = 0
    return await work({
      open, ear, publish, cpu: () => readCpu({ engine: undefined, database, proxy: kamailio.process.pid }),
      grow: async (watchers) => {
        while (watching.length < Math.min(watchers, CONNECTIONS)) watching.push(await open())
        const dialogs = range(size, watchers).flatMap((watcher) => range(0, publishers).map((publisher) => ({ watcher, publisher })))
        size = watchers
        await inParallel(dialogs, SET_UP_WIDTH, async ({ watcher, publisher }) => {
          const link = watching[watcher % CONNECTIONS]
          const answer = await link?.send(theirWire.subscribe(watcherName(watcher), link.localPort, publisherName(publisher)))
          // 202 while rules are not known, 200 otherwise; both are followed by a NOTIFY.
          if (answer?.status !== 200 && answer?.status !== 202) throw new Error(`subscribe: ${answer?.status ?? 'no connection'}`)
        })
        return dialogs.length
      },
    })
  } finally {
    for (const link of links) link.close()
    await kamailio.stop()
  }
}
