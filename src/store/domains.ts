import { sql, type Kysely } from 'kysely'
import type { DomainKind } from '../core/model/network.ts'
import type { PidfForm } from '../core/documents/pidf.ts'
import { allGranted, type Rights } from '../core/model/rights.ts'
import type { Database } from './database.ts'
import { domainRightColumns, readDomainRights } from './rights.ts'
import { statement, type Session } from './session.ts'

export interface Domain {
  readonly domain: string
  readonly kind: DomainKind
  /** What users of an enterprise domain may, unless they have rights of their own. */
  readonly rights: Rights
  /** The form of PIDF that its users read. */
  readonly pidfForm: PidfForm
  readonly createdAt: number
  readonly updatedAt: number
}

const ALL = statement('domains-all', 'SELECT domain, kind FROM domain')

/** The whole domain table; small, and cached by the engine. */
export const loadDomains = async (session: Session): Promise<ReadonlyMap<string, DomainKind>> =>
  new Map((await session.send<{ domain: string; kind: DomainKind }>(ALL, [])).map((row) => [row.domain, row.kind]))

const FORMS = statement('domains-pidf-forms', "SELECT domain, pidf_form FROM domain WHERE pidf_form <> 'both'")

/** The domains whose watchers read one form of PIDF only; all others get both in one document. */
export const loadPidfForms = async (session: Session): Promise<ReadonlyMap<string, PidfForm>> =>
  new Map((await session.send<{ domain: string; pidf_form: PidfForm }>(FORMS, [])).map((row) => [row.domain, row.pidf_form]))

type Row = { readonly domain: string; readonly kind: DomainKind; readonly pidf_form: PidfForm; readonly created_at: number; readonly updated_at: number } & Parameters<typeof readDomainRights>[0]

const read = (row: Row): Domain => ({ domain: row.domain, kind: row.kind, rights: readDomainRights(row), pidfForm: row.pidf_form, createdAt: row.created_at, updatedAt: row.updated_at })

/** Creates or replaces a domain; true when it is new. */
export const putDomain = async (db: Kysely<Database>, domain: string, kind: DomainKind, now: number, rights: Rights = allGranted, pidfForm: PidfForm = 'both'): Promise<boolean> => {
  const values = { kind, pidf_form: pidfForm, ...domainRightColumns(rights), updated_at: now }
  const row = await db.insertInto('domain').values({ domain, created_at: now, ...values })
    .onConflict((conflict) => conflict.column('domain').doUpdateSet(values))
    .returning(sql<boolean>`xmax = 0`.as('inserted')).executeTakeFirst()
  return row?.inserted === true
}

export const getDomain = async (db: Kysely<Database>, domain: string): Promise<Domain | undefined> => {
  const row = await db.selectFrom('domain').selectAll().where('domain', '=', domain).executeTakeFirst()
  return row === undefined ? undefined : read(row)
}

/** One page of domains in name order, after `after`. */
export const listDomains = async (db: Kysely<Database>, limit: number, after?: string): Promise<readonly Domain[]> => {
  let query = db.selectFrom('domain').selectAll().orderBy('domain').limit(limit)
  if (after !== undefined) query = query.where('domain', '>', after)
  return (await query.execute()).map(read)
}

/** True when there was such a domain. */
export const deleteDomain = async (db: Kysely<Database>, domain: string): Promise<boolean> =>
  (await db.deleteFrom('domain').where('domain', '=', domain).executeTakeFirst()).numDeletedRows > 0n
