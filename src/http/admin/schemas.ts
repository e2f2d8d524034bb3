import { Type, type Static } from 'typebox'
import { pidfForms } from '../../core/documents/pidf.ts'
import { domainKinds } from '../../core/model/network.ts'

// PostgreSQL holds no null character in a text.
const NO_NULL = '^[^\\u0000]*$'

const text = (description: string) => Type.Optional(Type.String({ maxLength: 512, pattern: NO_NULL, description }))

const right = (description: string) => Type.Optional(Type.Boolean({ description }))

/** Who may be watched from outside, and who may watch there (3.4.5.3). */
const rights = (absent: string) => Type.Object({
  incomingFederated: right('Users of federated domains may watch.'),
  outgoingFederated: right('May watch users of federated domains.'),
  incomingPublicCloud: right('Users of public clouds may watch.'),
  outgoingPublicCloud: right('May watch users of public clouds.'),
}, { additionalProperties: false, description: `Federation rights. ${absent}` })

/** What an operator says about a user. Only displayName is required. */
export const UserBody = Type.Object({
  displayName: Type.String({ minLength: 1, maxLength: 256, pattern: NO_NULL, description: 'Name shown to others.' }),
  email: text('E-mail address.'),
  phone: text('Work telephone number.'),
  mobile: text('Mobile telephone number.'),
  homePhone: text('Home telephone number.'),
  otherPhone: text('Other telephone number.'),
  fax: text('Fax number.'),
  voiceMail: text('Where the voice mail of the user is kept, as clients are told it.'),
  givenName: text('Given name.'),
  surname: text('Family name.'),
  title: text('Job title.'),
  office: text('Office.'),
  company: text('Company.'),
  department: text('Department.'),
  street: text('Street.'),
  city: text('City.'),
  state: text('State or province.'),
  postalCode: text('Postal code.'),
  country: text('Country; clients are told it only as a code of two letters (ISO 3166).'),
  url: text('Web page.'),
  description: text('Free text.'),
}, { additionalProperties: false })

const bound = (maximum: number, description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum, description }))

/** Bounds of one user in place of the deployment's. */
const UserLimits = Type.Object({
  maxContacts: bound(100_000, 'Contacts on its contact list.'),
  maxResourcesPerDialog: bound(100_000, 'Contacts that one of its category subscriptions may watch.'),
  maxCategoriesPerRequest: bound(1_000, 'Categories of each of these.'),
  maxIncoming: bound(10_000_000, 'Category subscriptions of others to it.'),
}, { additionalProperties: false, description: 'Limits of this user. What is not named is as configured for all.' })

const Uri = (description: string) => Type.String({ minLength: 3, maxLength: 512, pattern: NO_NULL, description })

/** Other addresses of the same person (2.2.2.8.1). */
const LinkedIdentities = Type.Object({
  primary: Uri('Where the person wants to be invited.'),
  secondary: Type.Array(Uri('user@domain; sip: in front is optional.'), { maxItems: 64, description: 'All other addresses.' }),
  cid: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\u0021-\\u007e]+$', description: 'By which clients fetch the photo of the person.' })),
}, { additionalProperties: false, description: 'Other addresses of the same person, for watchers in other clouds.' })

/** The same with what the user may do across the border of the enterprise, how much of it, and where it is served. */
export const UserPut = Type.Object({
  ...UserBody.properties, rights: Type.Optional(rights('What is not named is as at the domain.')), limits: Type.Optional(UserLimits),
  homePool: Type.Optional(Type.String({ minLength: 5, maxLength: 512, pattern: '^[\\u0021-\\u007e]+$', description: 'SIP URI of the pool that serves the user, in place of this one; clients are sent there. Only while the user has no data here.' })),
  linkedIdentities: Type.Optional(LinkedIdentities),
}, { additionalProperties: false })

export type UserBody = Static<typeof UserBody>

/** Each right, whoever says so. */
export const AllRights = Type.Object({ incomingFederated: Type.Boolean(), outgoingFederated: Type.Boolean(), incomingPublicCloud: Type.Boolean(), outgoingPublicCloud: Type.Boolean() })

const Timestamps = { createdAt: Type.String({ format: 'date-time' }), updatedAt: Type.String({ format: 'date-time' }) }

export const User = Type.Object({ uri: Type.String({ description: 'sip:user@domain' }), ...UserPut.properties, effectiveRights: AllRights, ...Timestamps }, { $id: 'User' })

export const DomainBody = Type.Object({
  kind: Type.Enum([...domainKinds], { description: 'enterprise: its users are users of this server. federated, publicCloud: where its users count to as subscribers. blocked: its users are refused.' }),
  rights: Type.Optional(rights('Only of an enterprise domain, for those of its users who have no word of their own. What is not named is granted.')),
  pidfForm: Type.Optional(Type.Enum([...pidfForms], { description: 'Which PIDF its users read as watchers: microsoft, as other presence clouds do; rfc4480, as ordinary phones do; both in one document, if it is not named.' })),
}, { additionalProperties: false })

export const Domain = Type.Object({ domain: Type.String(), ...DomainBody.properties, ...Timestamps }, { $id: 'Domain' })

/** One page of a list; `next` is the cursor of the following one, absent on the last. */
export const pageOf = <T extends Parameters<typeof Type.Array>[0]>(item: T) => Type.Object({ items: Type.Array(item), next: Type.Optional(Type.String()) })

export const PageQuery = Type.Object({
  limit: Type.Optional(Type.String({ pattern: '^([1-9]\\d{0,2}|1000)$', description: 'Entries on a page, 1 to 1000; 100 without it.' })),
  cursor: Type.Optional(Type.String({ maxLength: 2048, description: '`next` of the page before.' })),
}, { additionalProperties: false })

export const CategoryBody = Type.Object({
  private: Type.Optional(Type.Boolean({ description: 'Never given to other subscribers.' })),
  readOnlyContainers: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 32767 }), { maxItems: 1000, description: 'Containers into which only the server publishes.' })),
  maxBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 262_144, description: 'Largest data of one publication.' })),
  quotaBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 16_777_216, description: 'Largest sum over all instances of one user.' })),
  schema: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of the data: local element names, attributes with @ in front, children as arrays, text under #text.' })),
}, { additionalProperties: false })

export const Category = Type.Object({ name: Type.String(), builtIn: Type.Boolean(), ...CategoryBody.properties }, { $id: 'Category' })

export const PublicationBody = Type.Object({
  xml: Type.String({ maxLength: 262_144, description: 'One XML element, or nothing.' }),
  expires: Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description: 'Seconds until it ends; without it, it stays.' })),
}, { additionalProperties: false })

export const Publication = Type.Object({
  category: Type.String(), container: Type.Integer(), instance: Type.Integer(), version: Type.Integer(), expireType: Type.String(), expiresAt: Type.Optional(Type.String({ format: 'date-time' })),
  endpointId: Type.Optional(Type.String()), publishTime: Type.String({ format: 'date-time' }), xml: Type.String({ description: 'As stored.' }), json: Type.Optional(Type.Unknown({ description: 'The same for machines.' })),
}, { $id: 'Publication' })

export const MwiBody = Type.Object({
  messageWaiting: Type.Boolean(),
  unreadVoiceMailCount: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
  readVoiceMailCount: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
}, { additionalProperties: false })

export const Problem = Type.Object({
  type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ at: Type.String(), message: Type.String() }))),
}, { $id: 'Problem', description: 'RFC 9457 problem document' })
