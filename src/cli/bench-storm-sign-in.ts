import { range } from './bench-crowd.ts'
import { storedName } from './bench-growth-users.ts'
import { inTime, type Link } from './bench-link.ts'
import { inParallel, type Row } from './bench-statistics.ts'
import { storeColleagues } from './bench-storm-colleagues.ts'
import { waitFor } from './bench-storm-hearing.ts'
import { withStormStage, type Storm } from './bench-storm-stage.ts'
import { createRefusals, type Refusals } from './bench-storm-teller.ts'
import * as wire from './demo-messages.ts'

const CONNECTIONS = 100
const CALLERS = 32
const CONTACTS = 10
/** By when the engine should have forgotten endpoints whose connections are gone. */
const FORGOTTEN_WITHIN_MS = 60_000

/** One client after the other as fast as the callers can: REGISTER, self SUBSCRIBE, SUBSCRIBE of contacts, a note. A client that is refused gives up. */
const signAllIn = async (links: readonly Link[], endpoints: number, refusals: Refusals): Promise<Pick<Storm, 'answered' | 'rate'>> => {
  const answered: number[] = []
  const begin = performance.now()
  await inParallel(range(0, endpoints), CALLERS, async (at) => {
    const [user, link] = [storedName(at), links[at % links.length]]
    const contacts = range(1, CONTACTS + 1).map((step) => storedName((at + step) % endpoints))
    const started = performance.now()
    for (const message of [wire.register(user), wire.subscribeSelf(user), wire.watch(user, ...contacts), wire.publishNote(user, 200, 1, 'here')]) {
      const status = link === undefined ? 0 : (await inTime('sign-in', link.send(message))).status
      if (status !== 200) return refusals.count(status)
    }
    answered.push(performance.now() - started)
  })
  return { answered, rate: answered.length / ((performance.now() - begin) / 1000) }
}

const LEFT = "SELECT (SELECT count(*)::int FROM endpoint WHERE user_uri LIKE 'u%') + (SELECT count(*)::int FROM dialog WHERE subscriber LIKE 'u%') AS left"

/** Many endpoints sign in, and then lose all their connections at once. */
export const stormSignIn = (databaseUrl: string, endpoints: number): Promise<readonly Row[]> =>
  withStormStage(databaseUrl, async ({ stage, measure }) => {
    const stored = await storeColleagues(stage, databaseUrl, endpoints)
    try {
      const links = await Promise.all(range(0, CONNECTIONS).map(stage.open))
      const refusals = createRefusals()
      const signIn = await measure('sign-in', async () => {
        const before = stage.ear.heard()
        const { answered, rate } = await signAllIn(links, endpoints, refusals)
        return { load: `${endpoints} endpoints`, rate, answered, refused: refusals.text(), done: [], heard: [], notifications: stage.ear.heard() - before, uncoalesced: 0, missing: 0 }
      })
      const countLeft = async (): Promise<number> => (await stored.query<{ readonly left: number }>(LEFT))[0]?.left ?? 0
      const loss = await measure('loss', async () => {
        const [rows, before, begin] = [await countLeft(), stage.ear.heard(), performance.now()]
        for (const link of links) link.close()
        await waitFor(async () => await countLeft() === 0, FORGOTTEN_WITHIN_MS)
        const [ms, missing] = [performance.now() - begin, await countLeft()]
        return {
          load: `${endpoints} endpoints, ${rows} rows`, rate: (rows - missing) / (ms / 1000), answered: [], refused: '-', done: missing === 0 ? [ms] : [], heard: [],
          notifications: stage.ear.heard() - before, uncoalesced: 0, missing,
        }
      })
      return [signIn, loss]
    } finally {
      await stored.close()
    }
  })
