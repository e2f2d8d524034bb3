import { attributeMap, type AttributeMap, type LdapKind } from '../core/ldap/attribute-map.ts'
import type { DirectorySource } from '../core/model/directory-search.ts'
import type { FeedSource } from '../core/model/directory-feed.ts'
import type { LdapServer } from './ldap-connection.ts'
import { createLdapClient } from './ldap-client.ts'
import { createLdapFeed } from './ldap-feed.ts'
import type { LdapRules } from './ldap-rules.ts'
import { createLdapSource } from './ldap-source.ts'

/** What an operator says about the server. */
export interface LdapOptions extends LdapServer, Pick<LdapRules, 'isOurs'> {
  readonly baseDn: string
  readonly kind: LdapKind
  /** In place of the usual filter of the kind. */
  readonly userFilter: string | undefined
  /** In place of rows of the usual map of the kind. */
  readonly attributes: Partial<AttributeMap> | undefined
  /** Milliseconds. */
  readonly now: () => number
}

/** An LDAP server as a place to search for users, and to read them from. */
export interface Ldap {
  readonly source: DirectorySource
  readonly feed: FeedSource
  readonly close: () => void
}

/** Who counts as a person unless the operator says otherwise; in Active Directory a bit says that an account is disabled. */
const USERS: Readonly<Record<LdapKind, string>> = {
  generic: '(objectClass=inetOrgPerson)',
  activeDirectory: '(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
}

/** Nothing is connected before somebody searches or reads. */
export const openLdap = ({ baseDn, kind, userFilter = USERS[kind], attributes, isOurs, now, ...server }: LdapOptions): Ldap => {
  const client = createLdapClient(server, baseDn, now)
  const rules: LdapRules = { where: `${server.url} ${baseDn}`, kind, map: attributeMap(kind, attributes), userFilter, isOurs }
  return { source: createLdapSource(client, rules), feed: createLdapFeed(client, rules), close: client.close }
}
