import { FilterParser } from 'ldapts'
import { Type, type Static } from 'typebox'

const Attributes = Type.Array(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$' }), { maxItems: 8 })
const Needed = Type.Array(Attributes.items, { minItems: 1, maxItems: 8 })

/** In place of the defaults: our fields, the attributes to read each from. */
const AttributeMap = Type.Partial(Type.Object({
  address: Needed, displayName: Needed, email: Attributes, phone: Attributes, mobile: Attributes, homePhone: Attributes, otherPhone: Attributes, fax: Attributes, voiceMail: Attributes, givenName: Attributes,
  surname: Attributes, title: Attributes, office: Attributes, company: Attributes, department: Attributes, street: Attributes, city: Attributes, state: Attributes, postalCode: Attributes, country: Attributes,
  url: Attributes, description: Attributes,
}), { additionalProperties: false, env: 'PRESENTIA_LDAP_ATTRIBUTES', description: 'JSON: which attributes fields of users are read from, where it is not as usual for the kind of server, e.g. `{"address":["sipAddress","mail"],"office":[]}`: the first with a value counts, a field without attributes is left to the operator.' })

/** The settings of the outside directory; all of them are part of the engine's. */
export const ldapSettings = {
  ldapUrl: Type.Optional(Type.String({ pattern: '^ldaps?://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\])(:\\d{1,5})?/?$', env: 'PRESENTIA_LDAP_URL', description: 'LDAP server in which users are searched, `ldap://` or `ldaps://` with host and perhaps port. Without it there is none.' })),
  ldapKind: Type.Enum(['generic', 'activeDirectory'], { default: 'generic', env: 'PRESENTIA_LDAP_KIND', description: 'What the server is: `generic` (OpenLDAP and others, people are inetOrgPerson) or `activeDirectory`.' }),
  ldapBaseDn: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, env: 'PRESENTIA_LDAP_BASE_DN', description: 'Entry below which people are found.' })),
  ldapBindDn: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, env: 'PRESENTIA_LDAP_BIND_DN', description: 'Whom to bind as, with the password below; without it nobody in particular.' })),
  ldapPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, env: 'PRESENTIA_LDAP_PASSWORD', description: 'The password of that account.' })),
  ldapStartTls: Type.Boolean({ default: false, env: 'PRESENTIA_LDAP_START_TLS', description: 'Go over to TLS on an `ldap://` connection before binding.' }),
  ldapCa: Type.Optional(Type.String({ pattern: '-----BEGIN CERTIFICATE-----', env: 'PRESENTIA_LDAP_CA', description: 'Certificates of the authorities to believe, in PEM, most easily as a file (`PRESENTIA_LDAP_CA_FILE`); without it those that Node brings.' })),
  ldapUserFilter: Type.Optional(Type.String({ minLength: 3, maxLength: 4096, env: 'PRESENTIA_LDAP_USER_FILTER', description: 'Which entries are people, as an LDAP filter; without it `(objectClass=inetOrgPerson)`, in Active Directory users who are not disabled.' })),
  ldapAttributes: Type.Optional(AttributeMap),
  ldapTimeoutMs: Type.Integer({ minimum: 100, maximum: 60_000, default: 5_000, env: 'PRESENTIA_LDAP_TIMEOUT_MS', description: 'How long connecting, binding, and each answer may take, in milliseconds.' }),
  ldapSyncMs: Type.Integer({ minimum: 0, maximum: 604_800_000, default: 0, env: 'PRESENTIA_LDAP_SYNC_MS', description: 'Period of reading from LDAP what has changed and making users of it, in milliseconds. 0 searches only.' }),
  ldapFullSyncMs: Type.Integer({ minimum: 1_000, maximum: 2_592_000_000, default: 86_400_000, env: 'PRESENTIA_LDAP_FULL_SYNC_MS', description: 'Period of reading everybody, which also finds those who are gone, in milliseconds.' }),
  ldapGone: Type.Enum(['keep', 'remove'], { default: 'keep', env: 'PRESENTIA_LDAP_GONE', description: 'What becomes of users whom LDAP once named and names no longer: `keep` or `remove`, which deletes them with everything they published.' }),
  ldapGoneMaxPercent: Type.Integer({ minimum: 1, maximum: 100, default: 5, env: 'PRESENTIA_LDAP_GONE_MAX_PERCENT', description: 'At most this part of all users that LDAP ever named is removed at once, in percent; when more are gone, nobody is removed.' }),
} as const

const LdapSettings = Type.Object(ldapSettings)
type LdapConfig = Static<typeof LdapSettings>

/** A shorter period would have the directory do nothing else. */
const SHORTEST_SYNC_MS = 1_000

const isFilter = (text: string): boolean => {
  try {
    FilterParser.parseString(text)
    return true
  } catch {
    return false
  }
}

/** What does not fit together, one sentence each; the values alone are valid. */
export const findLdapFaults = (config: LdapConfig): readonly string[] => {
  const faults: string[] = []
  if (config.ldapUrl === undefined) {
    const [[first] = []] = [['PRESENTIA_LDAP_BASE_DN', config.ldapBaseDn], ['PRESENTIA_LDAP_BIND_DN', config.ldapBindDn], ['PRESENTIA_LDAP_PASSWORD', config.ldapPassword]].filter(([, value]) => value !== undefined)
    if (first !== undefined) faults.push(`${first} is of no use without PRESENTIA_LDAP_URL`)
    return faults
  }
  if (config.ldapBaseDn === undefined) faults.push('PRESENTIA_LDAP_BASE_DN is needed with PRESENTIA_LDAP_URL')
  // A bind with a name and no password succeeds as nobody in particular (RFC 4513 5.1.2), which nobody wants who gives a name.
  if (config.ldapBindDn !== undefined && config.ldapPassword === undefined) faults.push('PRESENTIA_LDAP_PASSWORD is needed with PRESENTIA_LDAP_BIND_DN')
  if (config.ldapBindDn === undefined && config.ldapPassword !== undefined) faults.push('PRESENTIA_LDAP_BIND_DN is needed with PRESENTIA_LDAP_PASSWORD')
  if (config.ldapStartTls && config.ldapUrl.startsWith('ldaps:')) faults.push('PRESENTIA_LDAP_START_TLS is for ldap:// only: ldaps:// is TLS from the beginning')
  if (config.ldapUserFilter !== undefined && !isFilter(config.ldapUserFilter)) faults.push('PRESENTIA_LDAP_USER_FILTER is not an LDAP filter')
  if (config.ldapSyncMs > 0 && config.ldapSyncMs < SHORTEST_SYNC_MS) faults.push(`PRESENTIA_LDAP_SYNC_MS must be 0 or at least ${SHORTEST_SYNC_MS}`)
  return faults
}
