/** Every namespace URI of the wire, once. */
export const namespaces = {
  xml: 'http://www.w3.org/XML/1998/namespace',
  xmlns: 'http://www.w3.org/2000/xmlns/',
  xsi: 'http://www.w3.org/2001/XMLSchema-instance',
  /** publish request (6.10) */
  richPresence: 'http://schemas.microsoft.com/2006/09/sip/rich-presence',
  /** categories document (6.2) */
  categories: 'http://schemas.microsoft.com/2006/09/sip/categories',
  /** containers document (6.3) */
  containers: 'http://schemas.microsoft.com/2006/09/sip/containers',
  /** subscriber list document and setSubscribers request (6.4, 6.12) */
  subscribers: 'http://schemas.microsoft.com/2006/09/sip/presence-subscribers',
  /** delegates document (6.5) */
  delegates: 'http://schemas.microsoft.com/2007/09/sip/delegates',
  /** self SUBSCRIBE request and response (6.6, 6.7) */
  roamingSelf: 'http://schemas.microsoft.com/2006/09/sip/roaming-self',
  roamingSelfEx: 'http://schemas.microsoft.com/2007/09/sip/roaming-self-ex',
  /** category SUBSCRIBE request (6.8) */
  batchSubscribe: 'http://schemas.microsoft.com/2006/01/sip/batch-subscribe',
  categoryList: 'http://schemas.microsoft.com/2006/09/sip/categorylist',
  /** resource list meta-information (6.9, RFC 4662) */
  rlmi: 'urn:ietf:params:xml:ns:rlmi',
  /** lists of resources in a SUBSCRIBE (RFC 4826, RFC 5367) */
  resourceLists: 'urn:ietf:params:xml:ns:resource-lists',
  /** watcher information (RFC 3858) */
  watcherInfo: 'urn:ietf:params:xml:ns:watcherinfo',
  /** lists of presentities in a SUBSCRIBE of clients before enhanced presence (MS-SIP 3.3) */
  adhocList: 'urn:ietf:params:xml:ns:adrl',
  /** delimiter and end around what later versions added to a document (7.1) */
  commonTypes: 'http://schemas.microsoft.com/2006/09/sip/commontypes',
  /** state and dndState categories (7.2) */
  state: 'http://schemas.microsoft.com/2006/09/sip/state',
  /** contactCard category (7.3) */
  contactCard: 'http://schemas.microsoft.com/2006/09/sip/contactcard',
  /** services category (7.5) */
  services: 'http://schemas.microsoft.com/2006/09/sip/service',
  /** calendarData and workingHours categories (7.8) */
  calendarData: 'http://schemas.microsoft.com/2006/09/sip/calendarData',
  /** mwi category (7.9) */
  mwi: 'http://schemas.microsoft.com/2006/09/sip/mwi',
  /** setContainerMembers request (6.11) */
  containerManagement: 'http://schemas.microsoft.com/2006/09/sip/container-management',
  /** setDelegates request (6.14) */
  delegateManagement: 'http://schemas.microsoft.com/2007/09/sip/delegate-management',
  /** SOAP 1.1 envelope around contact management and other SERVICE requests (MS-SIP 4.6) */
  soapEnvelope: 'http://schemas.xmlsoap.org/soap/envelope/',
  /** what stands in such an envelope (MS-SIP 4.6) */
  soapActions: 'http://schemas.microsoft.com/winrtc/2002/11/sip',
  /** in-band provisioning request and response (MS-SIPREGE 2.2.2.4, 2.2.2.5) */
  provisioningGroupList: 'http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist',
  provisionGroupList: 'http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification',
  /** presence document of clients before enhanced presence (2.2.2.9.2, MS-SIP 2.2.1) */
  msrtcPresence: 'http://schemas.microsoft.com/2002/09/sip/presence',
  /** PIDF (RFC 3863) with the data model of RFC 4479, RPID of RFC 4480 and CIPID of RFC 4482 */
  pidf: 'urn:ietf:params:xml:ns:pidf',
  dataModel: 'urn:ietf:params:xml:ns:pidf:data-model',
  rpid: 'urn:ietf:params:xml:ns:pidf:rpid',
  cipid: 'urn:ietf:params:xml:ns:pidf:cipid',
  /** what OMA adds to PIDF: willingness, overriding willingness, descriptions of services */
  omaPresence: 'urn:oma:xml:prs:pidf:oma-pres',
  /** device category (7.4) */
  device: 'http://schemas.microsoft.com/2006/09/sip/device',
  /** note category, which has no schema in section 7 (2.2.2.1) */
  note: 'http://schemas.microsoft.com/2006/09/sip/note',
  /** locations (RFC 4119) */
  geopriv: 'urn:ietf:params:xml:ns:pidf:geopriv10',
  /** RPID as it was before it became RFC 4480, which is what other presence clouds read (2.2.2.8.1) */
  draftRpidStatus: 'urn:ietf:params:xml:ns:pidf:status:rpid-status',
  draftRpidTuple: 'urn:ietf:params:xml:ns:pidf:rpid-tuple',
} as const
