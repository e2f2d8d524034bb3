/** Which kind of LDAP server it is: what its attributes are called, whether it resolves ambiguous names, which of its users are enabled. */
export type LdapKind = 'generic' | 'activeDirectory'

/** What of a user can come from LDAP beside its address and its name, as the admin API calls it. */
export const fedProperties = [
  'email', 'phone', 'mobile', 'homePhone', 'otherPhone', 'fax', 'voiceMail', 'givenName', 'surname', 'title', 'office', 'company', 'department', 'street', 'city', 'state', 'postalCode', 'country', 'url', 'description',
] as const

type Field = 'address' | 'displayName' | (typeof fedProperties)[number]

/** From which attributes each of our fields is read; the first that has a value counts, and a field without attributes is not read. */
export type AttributeMap = Readonly<Record<Field, readonly string[]>>

const COMMON = {
  displayName: ['displayName', 'cn'], email: ['mail'], phone: ['telephoneNumber'], mobile: ['mobile'], homePhone: ['homePhone'], fax: ['facsimileTelephoneNumber'], voiceMail: [], givenName: ['givenName'], surname: ['sn'],
  title: ['title'], city: ['l'], state: ['st'], postalCode: ['postalCode'], description: ['description'],
} as const

/** The map of each kind: of inetOrgPerson (RFC 2798) and of the user class of Active Directory. */
export const defaultMaps: Readonly<Record<LdapKind, AttributeMap>> = {
  generic: {
    ...COMMON, address: ['mail'], otherPhone: [], office: ['physicalDeliveryOfficeName', 'roomNumber'], company: ['o'], department: ['departmentNumber', 'ou'], street: ['street'], country: ['c'], url: ['labeledURI'],
  },
  activeDirectory: {
    ...COMMON, address: ['msRTCSIP-PrimaryUserAddress', 'mail'], otherPhone: ['otherTelephone'], office: ['physicalDeliveryOfficeName'], company: ['company'], department: ['department'], street: ['streetAddress'],
    country: ['c'], url: ['wWWHomePage'],
  },
}

/** The map of a kind with what the operator says in place of it. */
export const attributeMap = (kind: LdapKind, changes: Partial<AttributeMap> = {}): AttributeMap => ({ ...defaultMaps[kind], ...changes })

/** All attributes that a map reads, each once. */
export const attributesOf = (map: AttributeMap): readonly string[] => [...new Set(Object.values(map).flat())]

/** The properties that LDAP has the say in. */
export const mappedProperties = (map: AttributeMap): ReadonlySet<string> => new Set(fedProperties.filter((property) => map[property].length > 0))
