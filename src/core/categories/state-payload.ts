import { readIsoInstant, type Instant } from '../base/instant.ts'
import type { XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { attributeCalled, childrenCalled, copyInto, filled, isTrue, readPayloadTree, readUnsigned, type PayloadTree } from './payload-tree.ts'
import { REMEMBERED_CHARACTERS, remember } from './remember.ts'

/** One activity of a state (2.2.2.7.1), with the availabilities for which it holds, both included. */
export interface StateActivity {
  /** Empty when the activity has custom texts instead. */
  readonly token: string
  /** The `custom` elements, verbatim. */
  readonly custom: string
  readonly minAvailability: number
  readonly maxAvailability: number
  /** The whole element, verbatim. */
  readonly element: string
}

/** What the server reads of a state (2.2.2.7.1, 7.2). Verbatim elements are for a place inside a state element, and empty where there is nothing. */
export interface StatePayload {
  /** userState, machineState and so on, without the prefix that a qualified name may have. */
  readonly type: string
  readonly manual: boolean
  readonly startTime: Instant | undefined
  readonly lastActive: Instant | undefined
  readonly availability: number | undefined
  /** Those that have a token or a custom text (3.8.5.1.2.3). */
  readonly activities: readonly StateActivity[]
  readonly endpointLocation: string
  /** The location is only to be used when the user is not available elsewhere. */
  readonly locationIsProximate: boolean
  /** An element of a meeting is there, though it may be empty. */
  readonly hasMeeting: boolean
  readonly meetingSubject: string
  readonly meetingLocation: string
  /** Bias, name and abbreviation, those that there are. */
  readonly timeZone: string
  readonly device: string
}

// What can be written with four digits for the year.
const FIRST_INSTANT = Date.UTC(1000, 0, 1)
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

const readTime = (text: string | undefined): Instant | undefined => {
  const at = text === undefined ? undefined : readIsoInstant(text)
  return at === undefined || at < FIRST_INSTANT || at > LAST_INSTANT ? undefined : at
}

/** A bound of an activity; what is "unbounded" is beyond every availability (7.2). */
const readBound = (text: string | undefined, missing: number): number =>
  text === undefined ? missing : text === 'unbounded' ? Number.POSITIVE_INFINITY : readUnsigned(text) ?? missing

const readActivity = (tree: PayloadTree, element: XmlElement): StateActivity => {
  const token = attributeCalled(element, 'token') ?? ''
  return {
    token,
    custom: copyInto(namespaces.state, tree, filled(childrenCalled(element, 'custom'))),
    minAvailability: readBound(attributeCalled(element, 'minAvailability'), 0),
    maxAvailability: readBound(attributeCalled(element, 'maxAvailability'), Number.POSITIVE_INFINITY),
    element: copyInto(namespaces.state, tree, [element]),
  }
}

/** Reads a payload that is a state; undefined when it is not one. */
export const readStatePayload: (payload: string) => StatePayload | undefined = remember((payload) => {
  const tree = readPayloadTree('state', payload)
  if (tree === undefined) return undefined
  const { root } = tree
  const copy = (...names: readonly string[]): string => copyInto(namespaces.state, tree, filled(names.flatMap((name) => childrenCalled(root, name))))
  const [availability] = childrenCalled(root, 'availability')
  const type = attributeCalled(root, 'type') ?? ''
  return {
    type: type.slice(type.indexOf(':') + 1),
    manual: isTrue(attributeCalled(root, 'manual')),
    startTime: readTime(attributeCalled(root, 'startTime')),
    lastActive: readTime(attributeCalled(root, 'lastActive')),
    availability: readUnsigned(availability?.text.trim()),
    activities: childrenCalled(root, 'activity').map((element) => readActivity(tree, element)).filter(({ token, custom }) => token !== '' || custom !== ''),
    endpointLocation: copy('endpointLocation'),
    locationIsProximate: childrenCalled(root, 'treatLocationAsProximate').some(({ text }) => isTrue(text.trim().toLowerCase())),
    hasMeeting: ['meetingSubject', 'meetingLocation'].some((name) => childrenCalled(root, name).length > 0),
    meetingSubject: copy('meetingSubject'),
    meetingLocation: copy('meetingLocation'),
    timeZone: copy('timeZoneBias', 'timeZoneName', 'timeZoneAbbreviation'),
    device: copy('device'),
  }
}, REMEMBERED_CHARACTERS)
