import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { forgetDebts, resendDialog, retryDialog } from '../../engine/dialog-debts.ts'
import { getDelivery, listDeliveries, listPendingChanges } from '../../store/deliveries.ts'
import type { DialogRef } from '../../store/dialogs.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import { DeliveryView, PendingView, writeDelivery, writePending } from './delivery-schemas.ts'
import type { AdminDeps } from './deps.ts'
import { pairKey, readPage, writePage } from './pages.ts'
import { PageQuery, pageOf, Problem } from './schemas.ts'
import { One, ProxyName, readRef, Uri } from './subscription-schemas.ts'
import { readKey } from './user-key.ts'

const Query = Type.Object({
  ...PageQuery.properties, subscriber: Uri('Only dialogs of this user.'), proxy: ProxyName, publisher: Uri('Only what is about this user: its changes, and the dialogs that watch it with what they are owed about it.'),
  state: Type.Optional(Type.Enum(['pending', 'failing', 'all'], { description: 'pending: committed changes not told yet. failing: dialogs that are owed something or whose last notifications failed. all: both, and the dialogs that are up to date; the default.' })),
}, { additionalProperties: false })

const DropQuery = Type.Object({ publisher: Uri('Only what is owed about this user.') }, { additionalProperties: false })

/** Where a list goes on: behind a publisher with changes, or behind a dialog. */
type After = { readonly publisher: string } | { readonly dialog: DialogRef }

const readAfter = (after: string | undefined): After | undefined => {
  const [first, localTag, more] = after?.split('\n') ?? []
  if (first === undefined) return undefined
  if (more !== undefined) throw new ProblemError(400, 'cursor is not one of this list')
  return localTag === undefined ? { publisher: first } : { dialog: { subscriber: first, localTag } }
}

/** What is on its way to watchers: changes not told yet, dialogs with what they are owed and what became of their last notifications; and what an operator may do about it. */
export const deliveryRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['deliveries']
  const session = poolSession(deps.store.pool)

  app.get('/deliveries', {
    schema: { tags, summary: 'List changes not told yet, and dialogs with what they are owed and their last results', querystring: Query, response: { 200: pageOf(Type.Union([PendingView, DeliveryView])), 400: Problem } },
  }, async (request) => {
    const { state = 'all', proxy } = request.query
    const [subscriber, publisher] = [request.query.subscriber, request.query.publisher].map((user) => (user === undefined ? undefined : readKey(user)))
    const { limit, after: text } = readPage(request.query)
    const after = readAfter(text)
    // Changes belong to no dialog yet, and so to no subscriber and no proxy. They come first.
    const withChanges = state !== 'failing' && subscriber === undefined && proxy === undefined
    const withDialogs = state !== 'pending'
    if (after !== undefined && !('dialog' in after ? withDialogs : withChanges)) throw new ProblemError(400, 'cursor is not one of this list')
    const now = deps.now()
    const pending = withChanges && !(after !== undefined && 'dialog' in after) ? await listPendingChanges(session, publisher, limit + 1, after?.publisher ?? '') : []
    const filter = {
      ...(subscriber === undefined ? {} : { subscriber }), ...(publisher === undefined ? {} : { publisher }), ...(proxy === undefined ? {} : { proxy }), ...(state === 'failing' ? { failing: true as const } : {}),
    }
    const dialogs = withDialogs && pending.length <= limit ? await listDeliveries(deps.store.db, session, filter, now, limit + 1 - pending.length, after !== undefined && 'dialog' in after ? after.dialog : undefined) : []
    const page = writePage([
      ...pending.map((changes) => ({ key: changes.publisher, view: writePending(changes, now) })),
      ...dialogs.map((delivery) => ({ key: pairKey(delivery.dialog.subscriber, delivery.dialog.localTag), view: writeDelivery(delivery) })),
    ], limit, ({ key }) => key)
    return { ...page, items: page.items.map(({ view }) => view) }
  })

  app.get('/deliveries/:subscriber/:localTag', { schema: { tags, summary: 'Read what a dialog is owed, all of it', params: One, response: { 200: DeliveryView, 400: Problem, 404: Problem } } }, async (request) => {
    const delivery = await getDelivery(session, readRef(request.params), deps.now())
    if (delivery === undefined) throw new ProblemError(404, 'there is no such subscription')
    return writeDelivery(delivery)
  })

  const act = async (ref: DialogRef, what: string, done: Promise<number | undefined>): Promise<number> => {
    const debts = await done
    if (debts === undefined) throw new ProblemError(404, 'there is no such subscription')
    deps.log.info({ ...ref, debts }, what)
    return debts
  }
  const Due = Type.Object({ due: Type.Integer({ description: 'About how many publishers it will be told within seconds, if its proxy can.' }) })

  for (const [name, summary, owe] of [
    ['retry', 'Try now what a dialog is owed', retryDialog], ['resend', 'Send a dialog the latest state of everything that it watches', resendDialog],
  ] as const) {
    app.post(`/deliveries/:subscriber/:localTag/${name}`, { schema: { tags, summary, params: One, response: { 200: Due, 400: Problem, 404: Problem } } }, async (request) => {
      const ref = readRef(request.params)
      return { due: await act(ref, `deliveries: ${name}`, owe(deps.store.pool, ref, deps.now())) }
    })
  }

  app.delete('/deliveries/:subscriber/:localTag', {
    schema: { tags, summary: 'Forget what a dialog is owed; it keeps what it has until the next change', params: One, querystring: DropQuery, response: { 200: Type.Object({ dropped: Type.Integer() }), 400: Problem, 404: Problem } },
  }, async (request) => {
    const ref = readRef(request.params)
    const { publisher } = request.query as Static<typeof DropQuery>
    return { dropped: await act(ref, 'deliveries: dropped', forgetDebts(deps.store.pool, ref, publisher === undefined ? undefined : readKey(publisher), deps.now())) }
  })
}
