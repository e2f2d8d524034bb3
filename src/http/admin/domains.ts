import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { allGranted } from '../../core/model/rights.ts'
import { FEED } from '../../engine/directory-feed.ts'
import { CACHE_AGE_MS } from '../../engine/short-cache.ts'
import { deferPidfReaders } from '../../store/deferred.ts'
import { askForFeed } from '../../store/directory-feed.ts'
import { deleteDomain, getDomain, listDomains, putDomain, type Domain as StoredDomain } from '../../store/domains.ts'
import { poolSession, transact } from '../../store/session.ts'
import { listUsers } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { readPage, writePage } from './pages.ts'
import { Domain, DomainBody, PageQuery, pageOf, Problem } from './schemas.ts'

const Params = Type.Object({ domain: Type.String({ minLength: 1, maxLength: 253 }) })

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$|^\[[0-9a-f:.]+\]$/

const readName = (text: string): string => {
  const name = text.toLowerCase().replace(/\.$/, '')
  if (!NAME.test(name)) throw new ProblemError(400, `"${text}" is not a domain name`)
  return name
}

const write = ({ domain, kind, rights, pidfForm, createdAt, updatedAt }: StoredDomain) => ({ domain, kind, pidfForm, ...(kind === 'enterprise' ? { rights } : {}), createdAt: new Date(createdAt).toISOString(), updatedAt: new Date(updatedAt).toISOString() })

/** A form that has changed makes other documents for everyone of the domain who watches in PIDF: told when every node knows. */
const tellReaders = async (deps: AdminDeps, domain: string): Promise<void> => {
  await transact(deps.store.pool, async (tx) => { void deferPidfReaders(tx, domain, deps.now() + CACHE_AGE_MS, 'form of PIDF changed') })
}

/** Domains: which users are ours, and where all others count to. */
export const domainRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['domains']

  app.put('/domains/:domain', { schema: { tags, summary: 'Create or change a domain', params: Params, body: DomainBody, response: { 200: Domain, 201: Domain, 400: Problem, 409: Problem } } }, async (request, reply) => {
    const name = readName(request.params.domain)
    const { kind, rights, pidfForm = 'both' } = request.body
    if (kind !== 'enterprise' && rights !== undefined) throw new ProblemError(400, 'rights are those of users of this server; only an enterprise domain has them')
    if (kind !== 'enterprise' && (await listUsers(deps.store.db, 1, undefined, name)).length > 0) throw new ProblemError(409, `${name} has users; only an enterprise domain can`)
    const before = await getDomain(deps.store.db, name)
    const created = await putDomain(deps.store.db, name, kind, deps.now(), { ...allGranted, ...rights }, pidfForm)
    deps.domains.forget()
    if ((before?.pidfForm ?? 'both') !== pidfForm) await tellReaders(deps, name)
    await deps.enforceRights()
    // LDAP may name users of it whom nobody wanted so far; read when every node knows the domain.
    if (deps.feedsUsers && kind === 'enterprise' && before?.kind !== kind) await askForFeed(poolSession(deps.store.pool), FEED, deps.now() + CACHE_AGE_MS, true)
    const stored = await getDomain(deps.store.db, name)
    if (stored === undefined) throw new ProblemError(409, `${name} was deleted at the same time`)
    deps.log.info({ domain: name, kind: stored.kind }, 'domain set')
    return reply.code(created ? 201 : 200).send(write(stored))
  })

  app.get('/domains/:domain', { schema: { tags, summary: 'Read a domain', params: Params, response: { 200: Domain, 404: Problem } } }, async (request) => {
    const stored = await getDomain(deps.store.db, readName(request.params.domain))
    if (stored === undefined) throw new ProblemError(404, 'there is no such domain')
    return write(stored)
  })

  app.delete('/domains/:domain', { schema: { tags, summary: 'Delete a domain without users', params: Params, response: { 204: Type.Null(), 404: Problem, 409: Problem } } }, async (request, reply) => {
    const name = readName(request.params.domain)
    if ((await listUsers(deps.store.db, 1, undefined, name)).length > 0) throw new ProblemError(409, `${name} has users; delete them first`)
    const before = await getDomain(deps.store.db, name)
    if (before === undefined || !await deleteDomain(deps.store.db, name)) throw new ProblemError(404, 'there is no such domain')
    deps.domains.forget()
    if (before.pidfForm !== 'both') await tellReaders(deps, name)
    await deps.enforceRights()
    deps.log.info({ domain: name }, 'domain deleted')
    return reply.code(204).send(null)
  })

  app.get('/domains', { schema: { tags, summary: 'List domains', querystring: PageQuery, response: { 200: pageOf(Domain), 400: Problem } } }, async (request) => {
    const { limit, after } = readPage(request.query)
    const page = writePage(await listDomains(deps.store.db, limit + 1, after), limit, ({ domain }) => domain)
    return { ...page, items: page.items.map(write) }
  })
}
