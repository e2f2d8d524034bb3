import { createCrowd, range, watcherName } from './bench-crowd.ts'
import { storedName } from './bench-growth-users.ts'
import { expectOk } from './bench-link.ts'
import { inParallel, type Row } from './bench-statistics.ts'
import { storeColleagues } from './bench-storm-colleagues.ts'
import { noteText, waitFor } from './bench-storm-hearing.ts'
import { HEARD_WITHIN_MS, STAR, withStormStage, type StormStage } from './bench-storm-stage.ts'
import { createRefusals, createTeller, steadily } from './bench-storm-teller.ts'
import * as wire from './demo-messages.ts'

interface Star {
  readonly name: string
  readonly watchers: number
  readonly categories: readonly string[]
  readonly everyMs: number
  readonly publishes: number
  readonly message: (version: number, turn: number) => string
}

const runStar = async ({ stage, hearing, measure }: StormStage, { name, watchers, categories, everyMs, publishes, message }: Star): Promise<Row> => {
  const link = await stage.open()
  await createCrowd(stage).grow(watchers, (own, watcher) => expectOk('watch', own.send(wire.watchCategories(watcher, categories, [STAR]))))
  const [track, refusals] = [hearing.follow(STAR, watchers), createRefusals()]
  const star = createTeller({ link, track, refusals, message })
  return measure(name, async () => {
    const begin = performance.now()
    await steadily(everyMs, (turn) => turn < publishes, star.tell)
    const seconds = (performance.now() - begin) / 1000
    await waitFor(() => track.missing() === 0, HEARD_WITHIN_MS)
    const answered = star.takeAnswered()
    return {
      load: `${watchers} watchers, ${publishes} × ${everyMs} ms`, rate: answered.length / seconds, answered, refused: refusals.text(), done: track.completions(), heard: track.delays(),
      notifications: track.notifications(), uncoalesced: answered.length * watchers, missing: track.missing(),
    }
  })
}

/** One publisher whom very many watch. */
export const stormWatchers = (databaseUrl: string, watchers: number): Promise<readonly Row[]> =>
  withStormStage(databaseUrl, async (stage) => [await runStar(stage, {
    name: 'watchers', watchers, categories: ['note'], everyMs: 1000, publishes: 5, message: (version, turn) => wire.publishNote(STAR, 200, version, noteText(turn)),
  })])

/** One user whose machine goes idle and comes back twenty times a second, with a note for each. */
export const stormToggle = (databaseUrl: string): Promise<readonly Row[]> =>
  withStormStage(databaseUrl, async (stage) => [await runStar(stage, {
    name: 'toggle', watchers: 100, categories: ['note', 'state'], everyMs: 50, publishes: 200, message: (version, turn) => wire.publishDesk(STAR, turn % 2 === 0 ? 5000 : 3500, version, noteText(turn)),
  })])

const CONNECTIONS = 100
const CALLERS = 32

/** One watcher of very many who all publish at once. */
export const stormPublishers = (databaseUrl: string, publishers: number): Promise<readonly Row[]> =>
  withStormStage(databaseUrl, async ({ stage, hearing, measure }) => {
    await (await storeColleagues(stage, databaseUrl, publishers)).close()
    const links = await Promise.all(range(0, CONNECTIONS).map(stage.open))
    const refusals = createRefusals()
    const publishing = range(0, publishers).map((at) => ({ user: storedName(at), link: links[at % links.length], track: hearing.follow(storedName(at), 1) })).flatMap(({ user, link, track }) =>
      (link === undefined ? [] : [{ user, link, track, teller: createTeller({ link, track, refusals, message: (version, turn) => wire.publishNote(user, 200, version, noteText(turn)) }) }]))
    await inParallel(publishing, CALLERS, ({ user, link }) => expectOk('register', link.send(wire.register(user))))
    await createCrowd(stage).grow(1, (link) => expectOk('watch', link.send(wire.watch(watcherName(0), ...publishing.map(({ user }) => user)))))
    return [await measure('publishers', async () => {
      const begin = performance.now()
      await inParallel(publishing, CALLERS, ({ teller }) => teller.tell(performance.now()))
      const seconds = (performance.now() - begin) / 1000
      await waitFor(() => publishing.every(({ track }) => track.missing() === 0), HEARD_WITHIN_MS)
      const missing = publishing.filter(({ track }) => track.missing() > 0).length
      const answered = publishing.flatMap(({ teller }) => teller.takeAnswered())
      return {
        load: `${publishers} publishers`, rate: answered.length / seconds, answered, refused: refusals.text(), done: missing === 0 ? [performance.now() - begin] : [],
        heard: publishing.flatMap(({ track }) => track.delays()), notifications: publishing.reduce((sum, { track }) => sum + track.notifications(), 0), uncoalesced: answered.length, missing,
      }
    })]
  })
