import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { failureEntry } from '../../core/base/failure.ts'
import { isPermitted } from '../../core/contacts/contact-store.ts'
import { ucsModes, type ContactMove } from '../../core/model/contact-store.ts'
import { writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import type { LookDeps } from '../../engine/look-at-contact-store.ts'
import { NotSteered, permitAll, permitUser, returnList, returnSources, startMove } from '../../engine/steer-contact-store.ts'
import { countMoves, listMoves, loadMove, loadPermitted } from '../../store/contact-store.ts'
import { poolSession } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { expectServed } from './expect-user.ts'
import { readPage, writePage } from './pages.ts'
import { PageQuery, pageOf, Problem } from './schemas.ts'
import { readKey, UserParams } from './user-key.ts'

const Mode = Type.Enum([...ucsModes], { description: 'disabled: the list is here. allowed: it waits to be moved. migrating: it is on its way, and read-only. migrated: it is in the store elsewhere.' })

const View = Type.Object({
  uri: Type.String(), mode: Mode,
  allowed: Type.Union([Type.Boolean(), Type.Null()], { description: 'What was said of this user; null is as for everybody.' }),
  effectivelyAllowed: Type.Boolean(),
  attempts: Type.Integer({ description: 'Failed attempts in a row.' }),
  reason: Type.Optional(Type.String({ description: 'Why the last attempt failed, or why the list stays here.' })),
  nextAt: Type.Optional(Type.String({ format: 'date-time', description: 'When something is done next.' })),
  changedAt: Type.Optional(Type.String({ format: 'date-time', description: 'When the mode changed last.' })),
}, { $id: 'ContactStoreUser' })

const Modes = Type.Object({ allowed: Type.Boolean(), users: Type.Record(Type.String(), Type.Integer(), { description: 'Users by mode; those who are not counted are in disabled.' }) }, { $id: 'ContactStoreState' })

const at = (instant: number): string => new Date(instant).toISOString()

const write = (move: ContactMove, byDefault: boolean): Static<typeof View> => ({
  uri: writeUserUri(move.user), mode: move.mode, allowed: move.permitted ?? null, effectivelyAllowed: isPermitted(move, byDefault), attempts: move.attempts,
  ...(move.reason === undefined ? {} : { reason: move.reason }), ...(move.dueAt === undefined ? {} : { nextAt: at(move.dueAt) }), ...(move.changedAt === 0 ? {} : { changedAt: at(move.changedAt) }),
})

const problemOfSteering = ({ kind, message }: NotSteered): ProblemError => {
  if (kind === 'place') return new ProblemError(409, message)
  if (kind === 'store') return new ProblemError(503, message)
  return new ProblemError(409, `${message}: ${failureEntry(kind.name).sentence}${kind.detail === undefined ? '' : ` ${kind.detail}`}`)
}

/** Contact lists that move to a store elsewhere (MS-PRES 3.10): who may, who has, by whose word. Only where there is one. */
export const contactStoreRoutes = (deps: AdminDeps, there: Pick<LookDeps, 'contacts' | 'refreshMs'>): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['contact store']
  const session = poolSession(deps.store.pool)
  const path = '/users/:uri/contact-store'

  /** Steers one user's list; its subscribers are told where that changes the mode. */
  const steer = async (uri: string, work: (user: UserKey) => Promise<ContactMove>, what: string): Promise<Static<typeof View>> => {
    const user = readKey(uri)
    await expectServed(deps, user)
    try {
      const move = await work(user)
      deps.wake([user])
      deps.log.info({ user, mode: move.mode }, what)
      return write(move, await loadPermitted(session))
    } catch (error) {
      if (error instanceof NotSteered) throw problemOfSteering(error)
      throw error
    }
  }

  const readAll = async (): Promise<Static<typeof Modes>> => ({ allowed: await loadPermitted(session), users: Object.fromEntries(await countMoves(session)) })

  app.get('/contact-store', { schema: { tags, summary: 'Read whether contact lists may move, and how many have', response: { 200: Modes } } }, readAll)

  app.put('/contact-store', {
    schema: { tags, summary: 'Say whether contact lists may move of users of whom nothing else is said', body: Type.Object({ allowed: Type.Boolean() }, { additionalProperties: false }), response: { 200: Modes, 400: Problem } },
  }, async (request) => {
    await permitAll(deps, request.body.allowed, deps.now())
    deps.log.info({ allowed: request.body.allowed }, 'contact lists may move, or not')
    return readAll()
  })

  app.get('/contact-store/users', {
    schema: {
      tags, summary: 'List users of whose lists anything was said or asked', querystring: Type.Object({ ...PageQuery.properties, mode: Type.Optional(Mode) }, { additionalProperties: false }),
      response: { 200: pageOf(View), 400: Problem },
    },
  }, async (request) => {
    const { limit, after = '' } = readPage(request.query)
    const [moves, byDefault] = await Promise.all([listMoves(session, request.query.mode, limit + 1, after), loadPermitted(session)])
    const page = writePage(moves, limit, ({ user }) => user)
    return { ...page, items: page.items.map((move) => write(move, byDefault)) }
  })

  app.get(path, { schema: { tags, summary: 'Read where the contact list of a user is kept', params: UserParams, response: { 200: View, 400: Problem, 404: Problem, 409: Problem } } }, async (request) => {
    const user = readKey(request.params.uri)
    await expectServed(deps, user)
    return write(await loadMove(session, user), await loadPermitted(session))
  })

  app.put(path, {
    schema: {
      tags, summary: 'Say whether the contact list of a user may move', params: UserParams,
      body: Type.Object({ allowed: Type.Union([Type.Boolean(), Type.Null()], { description: 'null is as for everybody. A list that waits or is on its way stays here when it may not move any more.' }) }, { additionalProperties: false }),
      response: { 200: View, 400: Problem, 404: Problem, 409: Problem },
    },
  }, async (request) => steer(request.params.uri, (user) => permitUser(deps, user, request.body.allowed ?? undefined, deps.now()), 'contact list may move, or not'))

  app.post(`${path}/start`, { schema: { tags, summary: 'Move the contact list of a user without waiting for its client', params: UserParams, response: { 200: View, 400: Problem, 404: Problem, 409: Problem } } }, async (request) =>
    steer(request.params.uri, (user) => startMove(deps, user, deps.now()), 'contact list is to be moved'))

  app.post(`${path}/rollback`, {
    schema: {
      tags, summary: 'Take a contact list back that has moved; it stays here until it is allowed anew', params: UserParams,
      body: Type.Object({ from: Type.Enum([...returnSources], { description: 'store: as it is there now. copy: as it was known here.' }) }, { additionalProperties: false }),
      response: { 200: View, 400: Problem, 404: Problem, 409: Problem, 503: Problem },
    },
  }, async (request) => steer(request.params.uri, (user) => returnList({ ...deps, ...there }, user, request.body.from, deps.now()), 'contact list taken back'))
}
