/** Every media type of the wire, once; in small letters, as Content-Type and Accept are compared. */
export const mediaTypes = {
  publish: 'application/msrtc-category-publish+xml',
  setContainerMembers: 'application/msrtc-setcontainermembers+xml',
  setSubscribers: 'application/msrtc-presence-setsubscriber+xml',
  setDelegates: 'application/msrtc-setdelegate+xml',
  roamingSelf: 'application/vnd-microsoft-roaming-self+xml',
  batchSubscribe: 'application/msrtc-adrl-categorylist+xml',
  /** The same for clients before enhanced presence (MS-SIP 3.3). */
  adhocList: 'application/adrl+xml',
  categories: 'application/msrtc-event-categories+xml',
  /** Lists of resources in a SUBSCRIBE of ordinary phones (RFC 5367). */
  resourceLists: 'application/resource-lists+xml',
  rlmi: 'application/rlmi+xml',
  multipartRelated: 'multipart/related',
  fault: 'application/msrtc-fault+xml',
  roamingContacts: 'application/vnd-microsoft-roaming-contacts+xml',
  provisioning: 'application/vnd-microsoft-roaming-provisioning-v2+xml',
  /** Access lists and pending watchers of the clients before enhanced presence (MS-SIP 2.2.3). */
  roamingAcls: 'application/vnd-microsoft-roaming-acls+xml',
  pendingWatchers: 'text/xml+msrtc.wpending',
  /** Who watches a user (RFC 3858). */
  watcherInfo: 'application/watcherinfo+xml',
  /** Presence of the clients before enhanced presence (2.2.2.9), and of ordinary phones and other presence clouds (2.2.2.8). */
  msrtcPresence: 'text/xml+msrtc.pidf',
  pidf: 'application/pidf+xml',
  /** What a watcher would like to be told; servers may pass over it (RFC 4660). */
  simpleFilter: 'application/simple-filter+xml',
  /** As requests are matched, in lower case. */
  soap: 'application/soap+xml',
  /** As the servers that clients know write it (MS-SIP 4.8). */
  soapAnswer: 'application/SOAP+xml',
} as const

/** Event packages by name; which of them are served stands in the table of the engine. */
export const eventPackages = {
  roamingSelf: 'vnd-microsoft-roaming-self',
  presence: 'presence',
  roamingContacts: 'vnd-microsoft-roaming-contacts',
  provisioning: 'vnd-microsoft-provisioning-v2',
  roamingAcl: 'vnd-microsoft-roaming-ACL',
  pendingWatchers: 'presence.wpending',
  watcherInfo: 'presence.winfo',
} as const

/** An event package as its document writes it, however a client does; in lower case where it is none of ours. */
export const readEventPackage = (text: string): string => Object.values(eventPackages).find((name) => name.toLowerCase() === text.toLowerCase()) ?? text.toLowerCase()

/** True when an Accept list (bare, lower case) admits the type, wildcards included; an absent Accept admits all. */
export const accepts = (accept: readonly string[], type: string): boolean =>
  accept.length === 0 || accept.some((range) => range === type || range === '*/*' || range === `${type.split('/', 1)[0] ?? ''}/*`)
