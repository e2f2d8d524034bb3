import type { LegacyValues } from '../model/legacy-presence.ts'
import { childrenNamed, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { parseXml } from '../xml/parse.ts'
import { sliceContent, writeAttribute } from '../xml/write.ts'
import { attributeCalled, readUnsigned } from './payload-tree.ts'
import { REMEMBERED_CHARACTERS, remember } from './remember.ts'

/** The category of what a client before enhanced presence says of its endpoint (MS-SIP 2.2.1); goes with the endpoint. */
export const legacyDevice = 'legacyDevice'

/** The category of what such a client says of its user (MS-SIP 2.2.1); survives signing out, instance zero. */
export const legacyUserInfo = 'legacyUserInfo'

/** Both stand in this container, which belongs to the user's own endpoints. */
export const LEGACY_CONTAINER = 1

/** The content of a devicePresence element (MS-SIP 6), without its age. */
export interface LegacyDevice {
  /** Undefined for a client that has none; no document can show it. */
  readonly epid: string | undefined
  /** 0 to 999, as the client says it. */
  readonly availability: number
  readonly activity: number
  /** Everything inside devicePresence, for a place where the namespace of the document is the default. */
  readonly content: string
}

/** A legacyDevice payload, in the form in which documents show it. */
export const writeLegacyDevice = (epid: string | undefined, { availability, activity, extensions }: LegacyValues): string =>
  `<devicePresence xmlns="${namespaces.msrtcPresence}"${writeAttribute('epid', epid)}>` +
  `<availability aggregate="${availability.aggregate}"${writeAttribute('description', availability.description)}/>` +
  `<activity aggregate="${activity.aggregate}"${writeAttribute('description', activity.description)}${writeAttribute('note', activity.note)}/>${extensions}</devicePresence>`

const aggregateOf = (root: XmlElement, local: string): number | undefined => {
  const [element] = childrenNamed(root, namespaces.msrtcPresence, local)
  return element === undefined ? undefined : readUnsigned(attributeCalled(element, 'aggregate'))
}

/** Reads a legacyDevice payload; undefined when it is none. Never throws. */
export const readLegacyDevice: (payload: string) => LegacyDevice | undefined = remember((payload) => {
  const document = parseXml(Buffer.from(payload))
  if (!document.ok) return undefined
  const { root, source } = document.value
  const [availability, activity] = [aggregateOf(root, 'availability'), aggregateOf(root, 'activity')]
  if (root.local !== 'devicePresence' || availability === undefined || activity === undefined) return undefined
  return { epid: attributeCalled(root, 'epid'), availability, activity, content: sliceContent(source, root) }
}, REMEMBERED_CHARACTERS)

/** A legacyUserInfo payload: the element as documents show it. */
export const writeLegacyUserInfo = (content: string): string => `<userInfo xmlns="${namespaces.msrtcPresence}">${content}</userInfo>`
