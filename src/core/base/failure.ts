/**
 * The catalogue of refusals: nothing else in Presentia invents a SIP status or an ms-diagnostics code.
 * `section` names the rule (MS-PRES unless another document is named); `sentence` is for the operator.
 */
interface Entry {
  readonly status: number
  readonly reason: string
  /** ms-diagnostics id and reason; `public` ones may cross federation (MS-OCER 2.2.1). */
  readonly diagnostics?: { readonly id: number; readonly reason: string; readonly public?: true }
  readonly section: string
  readonly sentence: string
}

export const failures = {
  malformedRequest: { status: 400, reason: 'Bad Request', section: 'RFC 3261 21.4.1', sentence: 'The SIP message itself cannot be read.' },
  versionNotSupported: { status: 505, reason: 'Version Not Supported', section: 'RFC 3261 21.5.6', sentence: 'Only SIP/2.0 is spoken here.' },
  bodyMissing: { status: 400, reason: 'Bad Request', section: '3.2.5.4, 3.3.5.3, 3.4.5.3, 3.5.5.5', sentence: 'The request needs an XML body and carries none.' },
  bodyNotXml: { status: 400, reason: 'Bad Request', diagnostics: { id: 4001, reason: 'Unable to parse XML' }, section: '3.2.5.4, 3.3.5.3, 3.4.5.3, 3.5.5.5, 3.6.5.3, 3.9.5.4', sentence: 'The body is not well-formed XML, or uses what the strict reader refuses (DOCTYPE, other encodings, excessive size or depth).' },
  bodyNotValid: { status: 400, reason: 'Bad Request', diagnostics: { id: 4001, reason: 'Unable to parse XML' }, section: '3.2.5.4, 3.3.5.3, 3.4.5.3, 3.5.5.5, 3.6.5.3, 3.9.5.4', sentence: 'The body is XML, but not the document that this request must carry.' },
  inputTooLarge: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 4008, reason: 'Input too large' }, section: '3.2.5.4', sentence: 'The request is larger than this server accepts.' },
  epidTooLong: { status: 400, reason: 'Bad Request', diagnostics: { id: 4012, reason: 'epid is too long' }, section: 'MS-SIPREGE', sentence: 'The epid parameter of From is longer than 16 characters.' },
  contactMissing: { status: 400, reason: 'Bad Request', section: '2.2.2.3.1, 2.2.2.4.1', sentence: 'A SUBSCRIBE that opens a dialog needs a Contact to notify.' },
  fromIsNotTo: { status: 403, reason: 'Forbidden', section: '3.2.5.4, 3.4.5.3, 3.5.5.5, 3.6.5.3, 3.9.5.4', sentence: 'From and To must name the same user here.' },
  selfToAnother: { status: 400, reason: 'Bad Request', section: '3.3.5.3', sentence: 'A self subscription must go to the subscriber itself; To names another configured user.' },
  publisherMismatch: { status: 400, reason: 'Bad Request', section: '3.2.5.4', sentence: 'The uri of the publications element differs from To.' },
  fromIsNotUser: { status: 403, reason: 'Forbidden', diagnostics: { id: 4004, reason: 'Credentials do not match From', public: true }, section: 'RFC 3261 22.2', sentence: 'From differs from the user whom the proxy authenticated.' },
  authenticationMissing: { status: 403, reason: 'Forbidden', diagnostics: { id: 4004, reason: 'Credentials do not match From', public: true }, section: 'RFC 3261 22.2', sentence: 'This server takes authenticated requests only, and the proxy named no user.' },
  userNotFound: { status: 404, reason: 'Not Found', diagnostics: { id: 4005, reason: 'Destination URI either not enabled for SIP or does not exist' }, section: '3.3.5.3, 3.4.5.3', sentence: 'To names no user of this server.' },
  publisherNotFound: { status: 404, reason: 'Not Found', diagnostics: { id: 2005, reason: 'From user not found' }, section: '3.2.5.1.2', sentence: 'From names no user of this server.' },
  domainBlocked: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: '3.4.5.3', sentence: 'The domain of From is blocked by the administrator.' },
  destinationBlocked: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: '3.4.5.3', sentence: 'The domain of To or of the Request-URI is blocked by the administrator.' },
  incomingNotGranted: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: '3.4.5.3', sentence: 'The user named in To may not be watched from the network of the subscriber.' },
  outgoingNotGranted: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: '3.4.5.3', sentence: 'The subscriber may not watch users of the network of To or of the Request-URI.' },
  endpointNotRegistered: { status: 401, reason: 'Unauthorized', section: '3.3.5.3, 3.4.5.3', sentence: 'The subscribing endpoint is not registered, or no longer.' },
  publishingEndpointNotRegistered: { status: 488, reason: 'Not Acceptable Here', section: '3.2.5.4', sentence: 'An endpoint-bounded publication needs a registered endpoint.' },
  expiryMissing: { status: 400, reason: 'Bad Request', section: '3.2.5.4', sentence: 'A time-bounded publication must say when it expires.' },
  expiryForbidden: { status: 400, reason: 'Bad Request', section: '2.2.2.2.1', sentence: 'Only a time-bounded publication may carry a nonzero expires.' },
  duplicatePublication: { status: 400, reason: 'Bad Request', section: '3.2.5.4', sentence: 'One request publishes the same category instance of a container twice.' },
  categoryNotRegistered: { status: 403, reason: 'Forbidden', section: '3.2.5.4', sentence: 'The category name is not registered on this server.' },
  categoryReadOnly: { status: 403, reason: 'Forbidden', diagnostics: { id: 2003, reason: 'Cannot overwrite a read-only publication' }, section: '3.2.5.4', sentence: 'The category is read-only in this container; only the server publishes it.' },
  publicationTooLarge: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 2010, reason: 'Category is too large' }, section: '3.2.5.4', sentence: 'The data of one publication is larger than its category allows.' },
  categoryQuotaExceeded: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 2010, reason: 'Category is too large' }, section: '3.2.5.4', sentence: 'All instances of the category together exceed its quota.' },
  publicationConflict: { status: 409, reason: 'Conflict', diagnostics: { id: 2044, reason: 'Publication version out of date' }, section: '3.2.5.4', sentence: 'A publication does not carry the current version of its instance; the fault lists every stale one.' },
  conflictStorm: { status: 500, reason: 'Server Internal Error', diagnostics: { id: 2044, reason: 'Publication version out of date' }, section: 'RFC 3261 21.5.1', sentence: 'The endpoint has run into the same conflict again and again without taking in the current version; it shall pause.' },
  payloadNotValid: { status: 400, reason: 'Bad Request', diagnostics: { id: 4001, reason: 'Unable to parse XML' }, section: '3.2.5.1.2', sentence: 'The data of a publication is not what the schema of its category asks for; the detail names the place.' },
  duplicateContainer: { status: 400, reason: 'Bad Request', section: '3.5.5.5', sentence: 'One request changes the same container twice.' },
  containersConflict: { status: 409, reason: 'Conflict', diagnostics: { id: 2044, reason: 'Publication version out of date' }, section: '3.5.5.5', sentence: 'A container does not carry the current version of its membership; the fault lists every stale one.' },
  containerMembersExceeded: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 2006, reason: 'Container member limit exceeded' }, section: '3.5.5.5', sentence: 'All containers together would hold more members than a publisher may have.' },
  memberDomainUnknown: { status: 400, reason: 'Bad Request', section: '3.5.5.2', sentence: 'A member of type domain names a domain that does not resolve to an address; this server is set to ask the name service.' },
  singleNotOneResource: { status: 400, reason: 'Bad Request', section: '3.4.5.3', sentence: 'A single category SUBSCRIBE names exactly one resource, in one subscribe action, and it is To.' },
  incomingExceeded: { status: 413, reason: 'Request Entity Too Large', section: '3.4.5.1.3.1', sentence: 'As many subscribe to this user as may.' },
  dialogsExceeded: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 2012, reason: 'Category subscription limit exceeded' }, section: '3.4.5.1.3.1', sentence: 'The subscriber watches this user, or lists of RFC 4662, through as many dialogs as may be; ending one makes room.' },
  subscribesTooMuch: { status: 403, reason: 'Forbidden', diagnostics: { id: 2012, reason: 'Category subscription limit exceeded' }, section: '3.4.5.1.3', sentence: 'The subscription would exceed the contacts or categories that one dialog may watch.' },
  listExtensionMissing: { status: 421, reason: 'Extension Required', section: 'RFC 4662 4.1', sentence: 'A list of contacts is answered in a form that the client does not claim to read: Supported lacks eventlist.' },
  listNotGranted: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: 'RFC 4662 4.4', sentence: 'The list of contacts is kept for others than the subscriber.' },
  listActionMisplaced: { status: 400, reason: 'Bad Request', section: 'MS-SIP 3.3', sentence: 'A list of contacts is opened with create; add and delete change one inside of its dialog.' },
  subscriberNotListed: { status: 400, reason: 'Bad Request', diagnostics: { id: 2000, reason: 'Prompted subscriber does not exist' }, section: '3.6.5.3', sentence: 'The user to be acknowledged is not on the subscriber list.' },
  subscribersExceeded: { status: 413, reason: 'Request Entity Too Large', section: '3.6.5.3', sentence: 'The subscriber list of the publisher is full.' },
  contextTooLarge: { status: 413, reason: 'Request Entity Too Large', diagnostics: { id: 4008, reason: 'Input too large' }, section: '3.4.5.1.3', sentence: 'The context of a subscription is larger than this server keeps.' },
  contextQuotaExceeded: { status: 413, reason: 'Request Entity Too Large', section: '3.6.5.3', sentence: 'The contexts on the subscriber list of the publisher would together exceed their quota.' },
  delegateIsDelegator: { status: 400, reason: 'Bad Request', section: '3.9.5.4', sentence: 'Nobody can be a delegate of themselves.' },
  delegateNotUser: { status: 404, reason: 'Not Found', section: '3.9.5.4', sentence: 'The delegate is no user of this deployment.' },
  delegateNotListed: { status: 403, reason: 'Forbidden', section: '3.9.5.4', sentence: 'The delegate to be removed is not on the delegate list.' },
  delegatesConflict: { status: 409, reason: 'Conflict', diagnostics: { id: 2141, reason: 'Delegate version is out of date' }, section: '3.9.5.4', sentence: 'The request does not carry the current version of the delegate list; the fault names it.' },
  delegatesExceeded: { status: 413, reason: 'Request Entity Too Large', section: '3.9.5.4', sentence: 'The delegate list would hold more delegates than a user may have.' },
  dialogUnknown: { status: 481, reason: 'Subscription does not exist', diagnostics: { id: 2014, reason: 'Subscription dialog does not exist', public: true }, section: '3.4.5.1.3', sentence: 'To carries a tag, but no living subscription dialog of the subscriber has it.' },
  outOfOrder: { status: 500, reason: 'Server Internal Error', section: 'RFC 3261 12.2.2', sentence: 'The CSeq of the request is lower than that of an earlier one in its dialog.' },
  intervalTooBrief: { status: 423, reason: 'Interval Too Brief', section: 'RFC 6665 4.2.1.1', sentence: 'The requested Expires is below the minimum.' },
  conditionFailed: { status: 412, reason: 'Conditional Request Failed', section: 'RFC 3903 11.2.1', sentence: 'SIP-If-Match names no living publication of this user; its phone shall publish anew.' },
  eventStatesExceeded: { status: 403, reason: 'Forbidden', section: 'RFC 3261 21.4.4', sentence: 'As many phones publish for this user as may.' },
  contactsConflict: { status: 409, reason: 'Conflict', section: 'MS-SIP 3.7.1', sentence: 'The deltaNum is not the current one of the contact list; the fault carries both.' },
  contactNotFound: { status: 404, reason: 'Not Found', diagnostics: { id: 2001, reason: 'Contact does not exist' }, section: 'MS-SIP 3.7.4.3', sentence: 'The contact list has no such contact.' },
  groupNotFound: { status: 404, reason: 'Not Found', diagnostics: { id: 2002, reason: 'Group does not exist' }, section: 'MS-SIP 3.7.4.4', sentence: 'The contact list has no such group.' },
  contactsExceeded: { status: 403, reason: 'Forbidden', diagnostics: { id: 2007, reason: 'Contact limit exceeded' }, section: 'MS-SIP 3.7.1', sentence: 'The contact list would hold more contacts than a user may have.' },
  groupsExceeded: { status: 403, reason: 'Forbidden', diagnostics: { id: 2008, reason: 'Group limit exceeded' }, section: 'MS-SIP 9.1', sentence: 'The contact list would hold more groups than a user may have, or no group number is free.' },
  contactExtensionTooLarge: { status: 403, reason: 'Forbidden', diagnostics: { id: 2009, reason: 'Contact extension is too large' }, section: 'MS-SIP 9.1', sentence: 'The content of contactExtension is larger than 1024 bytes.' },
  duplicateGroup: { status: 409, reason: 'Conflict', diagnostics: { id: 2015, reason: 'Duplicate group name' }, section: 'MS-SIP 3.7.1', sentence: 'Another group has this name already; ~ always belongs to the default group.' },
  defaultGroupFixed: { status: 403, reason: 'Forbidden', section: 'MS-SIP 3.7.4.4', sentence: 'The default group cannot be deleted.' },
  contactsMoving: { status: 480, reason: 'Temporarily Unavailable', section: '3.10.4', sentence: 'The contact list is being moved to another store and cannot be changed meanwhile.' },
  contactsElsewhere: { status: 403, reason: 'Forbidden', section: '3.10.4', sentence: 'The contact list is kept in another store, where it must be changed.' },
  contactsMigrated: { status: 488, reason: 'Not Acceptable Here', diagnostics: { id: 2165, reason: "Contact subscription is not allowed as the user's contact list has migrated to Exchange." }, section: '4.14.3.1', sentence: 'The contact list is kept in another store, which this client can read by itself.' },
  contactNotValid: { status: 400, reason: 'Bad Request', section: 'MS-SIP 9.1', sentence: 'A contact or a group is not what a contact list may hold; the detail names it.' },
  presentityMismatch: { status: 403, reason: 'Forbidden', section: 'MS-SIP 3.2.4.2', sentence: 'The presentity of a setPresence request is not From, or that of a getPresence request not To.' },
  presenceWithheld: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: 'MS-SIP 3.7', sentence: 'The user whose presence is asked for has blocked the one who asks.' },
  accessConflict: { status: 409, reason: 'Conflict', section: 'MS-SIP 3.7', sentence: 'The deltaNum is not the current one of the access list; the fault carries both.' },
  accessEntriesExceeded: { status: 403, reason: 'Forbidden', section: 'MS-SIP 3.7', sentence: 'The access list would hold more entries than a user may have.' },
  watcherInfoOfAnother: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: 'RFC 3857 4.6', sentence: 'Who watches a user is told to that user only.' },
  accessDenied: { status: 403, reason: 'Forbidden', diagnostics: { id: 2004, reason: 'Subscriber is not authorized' }, section: 'MS-SIP 3.7', sentence: 'The access list of the user named in To denies the subscriber.' },
  soapActionUnknown: { status: 400, reason: 'Bad Request', section: 'MS-SIP 3.7.4', sentence: 'The SOAP request is none that this server carries out.' },
  searchDomainUnknown: { status: 404, reason: 'Not Found', diagnostics: { id: 4005, reason: 'Destination URI either not enabled for SIP or does not exist' }, section: '3.1.5.1', sentence: 'A directory search goes to a domain of this enterprise, or to the sender; To names neither.' },
  searcherNotUser: { status: 403, reason: 'Forbidden', diagnostics: { id: 2005, reason: 'From user not found' }, section: '3.1.5.1', sentence: 'Only users of this deployment may search its directory.' },
  searchExtension: { status: 420, reason: 'Bad Extension', section: '3.1.5.1', sentence: 'A directory search must not require any extension.' },
  searchForbidden: { status: 403, reason: 'Forbidden', section: '3.1.5.4', sentence: 'The directory does not let this server search it.' },
  searchBusy: { status: 503, reason: 'Service Unavailable', section: '3.1.5.4', sentence: 'The directory is away or has more searches to do than it can; try again later.' },
  searchFailed: { status: 500, reason: 'Server Internal Error', section: '3.1.5.4', sentence: 'The directory answered with an error; the log has it.' },
  eventUnknown: { status: 489, reason: 'Bad Event', section: 'RFC 6665 8.3.2', sentence: 'The Event of the SUBSCRIBE or PUBLISH is missing or not served here.' },
  mediaTypeUnknown: { status: 415, reason: 'Unsupported Media Type', section: 'RFC 3261 21.4.13', sentence: 'The Content-Type is not one that this request may carry.' },
  notAcceptable: { status: 406, reason: 'Not Acceptable', section: 'RFC 6665 4.1.2.1', sentence: 'Accept admits none of the documents that the answer would carry.' },
  extensionUnsupported: { status: 420, reason: 'Bad Extension', section: 'RFC 3261 8.2.2.3', sentence: 'The request requires an extension that this server does not offer for its document format.' },
  methodUnknown: { status: 405, reason: 'Method Not Allowed', section: 'RFC 3261 21.4.6', sentence: 'Only the methods named in Allow are handled here.' },
  internal: { status: 500, reason: 'Server Internal Error', section: 'RFC 3261 21.5.1', sentence: 'The engine failed; its log has the request id.' },
  rateExceeded: { status: 500, reason: 'Server Internal Error', section: 'RFC 3261 21.5.1', sentence: 'The user sends more requests than one user may; its clients shall pause.' },
  overloaded: { status: 503, reason: 'Service Unavailable', section: 'RFC 3261 21.5.4', sentence: 'The server has more to do than it can; try again later.' },
  unavailable: { status: 503, reason: 'Service Unavailable', section: 'RFC 3261 21.5.4', sentence: 'The database does not answer; try again later.' },
} as const satisfies Record<string, Entry>

/** What a last notification says of its end, where another document gives it a code. */
export const endings = {
  /** MS-PRES 4.14.2. */
  migrated: { id: 2186, reason: 'Contact subscription has been terminated as the user migrated to ucs mode.', public: true },
} as const

export type FailureName = keyof typeof failures

/** A protocol refusal. `detail` says where it went wrong, `headers` and `body` are what the rule wants in the answer. */
export interface Failure {
  readonly name: FailureName
  readonly detail?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: { readonly type: string; readonly text: string }
}

export const failure = (name: FailureName, detail?: string): Failure => (detail === undefined ? { name } : { name, detail })

/** The catalogue entry behind a refusal, with its optional parts visible to the type checker. */
export const failureEntry = (name: FailureName): Entry => failures[name]
