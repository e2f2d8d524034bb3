import { writeBareUri, writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'
import { noPhoneParts, writePhoneParts, type PhoneParts } from './phone-parts.ts'
import type { LinkedIdentities, PresenceSeen } from './presence-seen.ts'
import { rowOf, rpidActivities, type PresenceRow, type RpidActivity } from './presence-tables.ts'

/** Whose PIDF it shall be: that of other presence clouds (2.2.2.8.1), that of ordinary phones (RFC 4480), or one for both. */
export const pidfForms = ['both', 'microsoft', 'rfc4480'] as const
export type PidfForm = (typeof pidfForms)[number]

const writeActivity = (activity: RpidActivity): string =>
  typeof activity === 'string' ? `<rpid:${activity}/>` : `<rpid:other>${escapeXml(activity.other)}</rpid:other>`

const writeName = (displayName: string | undefined): string => (displayName === undefined ? '' : `<ci:display-name>${escapeXml(displayName)}</ci:display-name>`)

/** RFC 4479 3.2, RFC 4480 3.2 and 3.14; the name stands here because CIPID in a tuple would speak of another person (RFC 4482 1). Of who is not there, nothing. */
const writePerson = (row: PresenceRow, { token, note, displayName, timeOffset }: PresenceSeen, phones: PhoneParts): string => {
  if (row.pidf.basic === 'closed') return ''
  const activities = rpidActivities(row, token).map(writeActivity).join('')
  const content =
    (activities === '' ? '' : `<rpid:activities>${activities}</rpid:activities>`) +
    (row.rpid.idle ? '<rpid:user-input>idle</rpid:user-input>' : '') +
    (timeOffset === undefined ? '' : `<rpid:time-offset>${timeOffset}</rpid:time-offset>`) +
    writeName(displayName) +
    phones.person +
    (note === undefined ? '' : `<dm:note>${escapeXml(note)}</dm:note>`)
  return content === '' ? '' : `<dm:person id="person">${content}</dm:person>`
}

/** In the default namespace, as the examples have it, though the schema of PIDF leaves no room for it there (2.2.2.8.1). */
const writeLinked = (linked: LinkedIdentities | undefined): string => {
  if (linked === undefined) return ''
  const secondary = linked.secondary.map((user) => `<secondary-identity>${escapeXml(writeBareUri(user))}</secondary-identity>`).join('')
  return `<linked-identities${writeAttribute('primary-id', writeBareUri(linked.primary))}><secondary-identities>${secondary}</secondary-identities></linked-identities>` +
    (linked.cid === undefined ? '' : `<cid>${escapeXml(linked.cid)}</cid>`)
}

const start = (publisher: UserKey, prefixes: Readonly<Record<string, string>>): string =>
  `<?xml version="1.0" encoding="utf-8"?><presence xmlns="${namespaces.pidf}"` +
  `${Object.entries(prefixes).map(([prefix, namespace]) => ` xmlns:${prefix}="${namespace}"`).join('')}${writeAttribute('entity', writeUserUri(publisher))}>`

/** Ids that are taken. */
const RESERVED = ['presence', 'person', '0']

const STANDARD = { dm: namespaces.dataModel, rpid: namespaces.rpid } as const

/** As RFC 3863 to RFC 4482 have it: an id that is an xs:ID, nothing of the server's own in the namespace of PIDF. */
const writeStandard = (publisher: UserKey, row: PresenceRow, seen: PresenceSeen, phones: PhoneParts): string =>
  `${start(publisher, { ...STANDARD, ci: namespaces.cipid })}<tuple id="presence"><status><basic>${row.pidf.basic}</basic></status></tuple>${phones.tuples}${phones.notes}` +
  `${writePerson(row, seen, phones)}${phones.devices}${phones.extensions}</presence>`

/** As the examples have it (2.2.2.8.1, 4.10): the activity in the status, as text and in the words of the draft; the name beside the one tuple. */
const writeMicrosoft = (publisher: UserKey, row: PresenceRow, seen: PresenceSeen, person: string, phones: PhoneParts): string => {
  const { basic, activity } = row.pidf
  const status = `<basic>${basic}</basic>${activity === undefined ? '' : `<ep:activities><ep:activity>${activity}</ep:activity></ep:activities>`}`
  const prefixes = { ep: namespaces.draftRpidStatus, et: namespaces.draftRpidTuple, ci: namespaces.cipid, ...(person === '' && phones.devices === '' ? {} : STANDARD) }
  return `${start(publisher, prefixes)}<tuple id="0"><status>${status}</status></tuple>${phones.tuples}${phones.notes}${writeLinked(seen.linked)}${writeName(seen.displayName)}${person}${phones.devices}${phones.extensions}</presence>`
}

/**
 * The PIDF document of a publisher (2.2.2.8.1, 3.7.5.4). Readers of either kind pass over what is made for the other (RFC 3863 4.2.2), so that
 * one document can serve both. The one tuple stands for all endpoints together; behind it come the services of phones, where they are shown.
 */
export const writePidf = (publisher: UserKey, seen: PresenceSeen, form: PidfForm): string => {
  const row = rowOf(seen.availability, seen.token)
  if (form === 'microsoft') return writeMicrosoft(publisher, row, seen, '', noPhoneParts)
  const phones = writePhoneParts(seen.phones, seen.note, RESERVED)
  if (form === 'rfc4480') return writeStandard(publisher, row, seen, phones)
  return writeMicrosoft(publisher, row, seen, writePerson(row, seen, phones), phones)
}
