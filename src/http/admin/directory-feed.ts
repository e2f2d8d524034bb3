import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { FEED } from '../../engine/directory-feed.ts'
import { askForFeed, loadFeed, type FeedReport } from '../../store/directory-feed.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Problem } from './schemas.ts'

const time = (description: string) => Type.String({ format: 'date-time', description })
const count = (description: string) => Type.Integer({ description })

const DirectoryFeed = Type.Object({
  state: Type.Enum(['off', 'waiting', 'running'], { description: 'off: users are not read from LDAP, or there is none.' }),
  dueAt: Type.Optional(time('When the next run is due; long past, no engine comes to it.')),
  fullDueAt: Type.Optional(time('When everybody is read again.')),
  readUntil: Type.Optional(time('What had changed by then has been read; absent when everybody must be.')),
  succeededAt: Type.Optional(time('End of the last run that ended well.')),
  lastRun: Type.Optional(Type.Object({
    startedAt: time('Its beginning.'), finishedAt: time('Its end.'), kind: Type.Enum(['full', 'changes'], { description: 'Everybody was read, or what had changed.' }),
    read: count('Entries read.'), passedOver: count('Entries that name no user of ours, or one that another entry names too.'), created: count('Users created.'), changed: count('Users changed.'),
    gone: count('Users whom LDAP once named and who were not in it; a full run only.'), removed: count('Of these, users removed.'),
    error: Type.Optional(Type.String({ description: 'Why it ended badly.' })),
  })),
}, { $id: 'DirectoryFeed' })

const iso = (at: number): string => new Date(at).toISOString()

const writeRun = ({ startedAt, finishedAt, ...report }: FeedReport) => ({ startedAt: iso(startedAt), finishedAt: iso(finishedAt), ...report })

/** How reading users from LDAP fares. */
export const directoryFeedRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['directory']
  const session = poolSession(deps.store.pool)

  const view = async () => {
    const feed = await loadFeed(session, FEED)
    if (!deps.feedsUsers) return { state: 'off' as const }
    if (feed === undefined) return { state: 'waiting' as const }
    const { heldUntil, dueAt, fullDueAt, readUntil, succeededAt, report } = feed
    return {
      state: heldUntil > deps.now() ? 'running' as const : 'waiting' as const, dueAt: iso(dueAt), fullDueAt: iso(fullDueAt),
      ...(readUntil === undefined ? {} : { readUntil: iso(readUntil) }), ...(succeededAt === undefined ? {} : { succeededAt: iso(succeededAt) }), ...(report === undefined ? {} : { lastRun: writeRun(report) }),
    }
  }

  app.get('/directory-feed', { schema: { tags, summary: 'How reading users from LDAP fares', response: { 200: DirectoryFeed } } }, view)

  app.post('/directory-feed', {
    schema: {
      tags, summary: 'Read what has changed in LDAP at once, or everybody', response: { 202: DirectoryFeed, 409: Problem },
      querystring: Type.Object({ full: Type.Optional(Type.Enum(['true', 'false'], { description: 'Read everybody, which also finds those who are gone.' })) }, { additionalProperties: false }),
    },
  }, async (request, reply) => {
    if (!deps.feedsUsers) throw new ProblemError(409, 'users are not read from LDAP (PRESENTIA_LDAP_URL, PRESENTIA_LDAP_SYNC_MS)')
    // Whichever engine has time begins within seconds.
    await askForFeed(session, FEED, deps.now(), request.query.full === 'true')
    deps.log.info({ full: request.query.full === 'true' }, 'reading users from the directory asked for')
    return reply.code(202).send(await view())
  })
}
