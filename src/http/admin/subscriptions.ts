import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { Dialog } from '../../core/model/dialog.ts'
import { endDialog } from '../../engine/end-dialog.ts'
import { countWatched, getDialog, listDialogs, listWatchers, loadOwed } from '../../store/dialog-list.ts'
import { loadDialogs } from '../../store/dialogs.ts'
import { poolSession } from '../../store/session.ts'
import { loadResourcesOfMany } from '../../store/subscriptions.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { expectUser } from './expect-user.ts'
import { pairKey, readPairPage, writePage } from './pages.ts'
import { PageQuery, pageOf, Problem } from './schemas.ts'
import { Kind, One, ProxyName, readRef, refText, SubscriptionEntry, SubscriptionView, Uri, Watcher, writeEntry, writeSubscription, writeWatcher } from './subscription-schemas.ts'
import { tellEnded } from './tell-ended.ts'
import { readKey, UserParams } from './user-key.ts'

const Query = Type.Object({
  ...PageQuery.properties, kind: Type.Optional(Kind), subscriber: Uri('Only those of this user.'), publisher: Uri('Only those that watch this user; its own self subscriptions and contact lists are among them.'),
  proxy: ProxyName,
}, { additionalProperties: false })

/** Subscriptions as they are: who watches whom through which dialog, what it was told last and is owed; and ending them. */
export const subscriptionRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['subscriptions']
  const session = poolSession(deps.store.pool)

  const describe = async (dialogs: readonly Dialog[]): Promise<Static<typeof SubscriptionView>[]> => {
    const [resources, debts] = await Promise.all([loadResourcesOfMany(session, dialogs), loadOwed(session, dialogs)])
    const [watches, owed] = [Map.groupBy(resources, refText), Map.groupBy(debts, refText)]
    return dialogs.map((dialog) => writeSubscription(dialog, [...(watches.get(refText(dialog)) ?? [])].sort((a, b) => (a.publisher < b.publisher ? -1 : 1)), owed.get(refText(dialog)) ?? []))
  }

  app.get('/users/:uri/subscriptions', {
    schema: { tags, summary: 'List the subscriptions of a user, oldest first', params: UserParams, response: { 200: Type.Object({ items: Type.Array(SubscriptionView) }), 400: Problem, 404: Problem } },
  }, async (request) => {
    const { uri } = await expectUser(deps, readKey(request.params.uri))
    const living = (await loadDialogs(session, uri)).filter(({ expiresAt }) => expiresAt > deps.now())
    return { items: await describe([...living].sort((a, b) => a.createdAt - b.createdAt || (a.localTag < b.localTag ? -1 : 1))) }
  })

  app.get('/users/:uri/watchers', {
    schema: { tags, summary: 'List who watches categories of a user', params: UserParams, querystring: PageQuery, response: { 200: pageOf(Watcher), 400: Problem, 404: Problem } },
  }, async (request) => {
    const { limit, after } = readPairPage(request.query)
    const { uri } = await expectUser(deps, readKey(request.params.uri))
    const watchers = await listWatchers(session, uri, deps.now(), limit + 1, after === undefined ? undefined : { subscriber: after[0], localTag: after[1] })
    const page = writePage(watchers, limit, ({ dialog }) => pairKey(dialog.subscriber, dialog.localTag))
    return { ...page, items: page.items.map(writeWatcher) }
  })

  app.get('/subscriptions', { schema: { tags, summary: 'List subscriptions', querystring: Query, response: { 200: pageOf(SubscriptionEntry), 400: Problem } } }, async (request) => {
    const { kind, subscriber, publisher, proxy } = request.query
    const { limit, after } = readPairPage(request.query)
    const filter = {
      ...(kind === undefined ? {} : { kind }), ...(proxy === undefined ? {} : { proxy }),
      ...(subscriber === undefined ? {} : { subscriber: readKey(subscriber) }), ...(publisher === undefined ? {} : { publisher: readKey(publisher) }),
    }
    const dialogs = await listDialogs(deps.store.db, filter, deps.now(), limit + 1, after === undefined ? undefined : { subscriber: after[0], localTag: after[1] })
    const page = writePage(dialogs, limit, (dialog) => pairKey(dialog.subscriber, dialog.localTag))
    const counts = new Map((await countWatched(session, page.items)).map((counted) => [refText(counted), counted]))
    return { ...page, items: page.items.map((dialog) => writeEntry(dialog, counts.get(refText(dialog)) ?? { watched: 0, owed: 0 })) }
  })

  app.get('/subscriptions/:subscriber/:localTag', { schema: { tags, summary: 'Read a subscription', params: One, response: { 200: SubscriptionView, 400: Problem, 404: Problem } } }, async (request) => {
    const dialog = await getDialog(session, readRef(request.params), deps.now())
    const [view] = dialog === undefined ? [] : await describe([dialog])
    if (view === undefined) throw new ProblemError(404, 'there is no such subscription')
    return view
  })

  app.delete('/subscriptions/:subscriber/:localTag', {
    schema: { tags, summary: 'End a subscription; the client is told that it may subscribe anew', params: One, response: { 204: Type.Null(), 400: Problem, 404: Problem } },
  }, async (request, reply) => {
    const ref = readRef(request.params)
    if (!await endDialog(deps.store.pool, ref, deps.now())) throw new ProblemError(404, 'there is no such subscription')
    await tellEnded(deps)
    deps.log.info(ref, 'subscription ended')
    return reply.code(204).send(null)
  })
}
