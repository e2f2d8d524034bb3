/** Every media type of the wire, once; in small letters, as Content-Type and Accept are compared. */
export const mediaTypes = {
  publish: 'application/msrtc-category-publish+xml',
  setContainerMembers: 'application/msrtc-setcontainermembers+xml',
  setSubscribers: 'application/msrtc-presence-setsubscriber+xml',
  setDelegates: 'application/msrtc-setdelegate+xml',
  roamingSelf: 'application/vnd-microsoft-roaming-self+xml',
  batchSubscribe: 'application/msrtc-adrl-categorylist+xml',
  categories: 'application/msrtc-event-categories+xml',
  rlmi: 'application/rlmi+xml',
  multipartRelated: 'multipart/related',
  fault: 'application/msrtc-fault+xml',
} as const

/** Event packages served here. */
export const eventPackages = {
  roamingSelf: 'vnd-microsoft-roaming-self',
  presence: 'presence',
} as const

/** True when an Accept list (bare, lower case) admits the type, wildcards included; an absent Accept admits all. */
export const accepts = (accept: readonly string[], type: string): boolean =>
  accept.length === 0 || accept.some((range) => range === type || range === '*/*' || range === `${type.split('/', 1)[0] ?? ''}/*`)
