import { boolean, dateTime, delimited, element, leaf, localized, long, many, one, payload, text, unbounded, unsignedInt, versions, type JsonSchema } from './parts.ts'

/** activityType of 7.2: a token of an open list, custom texts, and the availabilities it holds for. */
const activity = element({
  attributes: { minAvailability: unbounded, maxAvailability: unbounded },
  children: { custom: many(localized) },
  open: 'delimited',
})

const BASE = ['availability', 'activity', 'endpointLocation', 'extension', 'delimiter', 'end']
const MEETING = ['meetingSubject', 'meetingLocation']
const ZONE = ['timeZoneBias', 'timeZoneName', 'timeZoneAbbreviation', 'device']

/** What each kind of state may hold beside stateType (7.2). */
const kinds: readonly (readonly [types: readonly string[], extra: readonly string[]])[] = [
  [['userState', 'presentingState', 'phoneState'], []],
  [['machineState'], [...ZONE, 'treatLocationAsProximate']],
  [['calendarState'], MEETING],
  [['aggregateState'], [...MEETING, ...ZONE]],
  [['aggregateMachineState'], ZONE],
]

const names = kinds.flatMap(([types]) => types)

// xsi:type is a qualified name, so that a prefix may stand before it.
const typeOf = (types: readonly string[]): string => `^(?:[^:]*:)?(?:${types.join('|')})$`

const ofKind = (types: readonly string[], extra: readonly string[]): JsonSchema => ({
  if: { required: ['@type'], properties: { '@type': { type: 'string', pattern: typeOf(types) } } },
  then: {
    if: delimited,
    else: { properties: Object.fromEntries([...BASE, ...extra].map((name) => [name, true])), patternProperties: { '^[@#]': true }, additionalProperties: false },
  },
})

/**
 * state and dndState (2.2.2.7.1, 2.2.2.7.10, 7.2). The type of the schema is abstract, so that xsi:type must be there and name one of
 * the kinds; everything else is optional. Tokens, locations and device types are open lists.
 */
export const stateSchema = payload('state', element({
  attributes: {
    type: { type: 'string', pattern: typeOf(names), description: `one of ${names.join(', ')}` },
    manual: boolean, startTime: dateTime, lastActive: dateTime, ...versions,
  },
  children: {
    availability: one(leaf(unsignedInt)),
    activity: many(activity),
    endpointLocation: one(leaf(text)),
    meetingSubject: one(localized),
    meetingLocation: one(localized),
    timeZoneBias: one(leaf(long)),
    timeZoneName: one(leaf(text)),
    timeZoneAbbreviation: one(leaf(text)),
    device: one(leaf(text)),
    treatLocationAsProximate: many(leaf(text)),
  },
  required: ['@type'],
  open: 'any',
  also: { allOf: kinds.map(([types, extra]) => ofKind(types, extra)) },
}))
