import { boolean, element, leaf, many, one, payload, text, unsignedInt, versions, type JsonSchema } from './parts.ts'

/** capabilityType of 7.4 and 7.5: what one endpoint, or the user, can do. */
const capability: JsonSchema = leaf({ type: 'string', maxLength: 0, description: 'free of text' }, {
  preferred: boolean, render: boolean, capture: boolean, publish: boolean, version: unsignedInt, deviceAvailability: unsignedInt,
})

const NAMES = [
  'calendar', 'remoteCallControl', 'voice', 'video', 'CCCP', 'text', 'gifInk', 'isfInk', 'breakthrough', 'applicationSharing', 'ucs', 'containerIntegrity',
  'contentWhiteboard', 'contentPoll', 'contentPowerPoint', 'contentNativeFile', 'contentSharedNotes',
] as const

/** 2.2.2.7.3 says that a capability SHOULD be one of these, so that others are let through unjudged. */
const capabilities: JsonSchema = element({
  attributes: { preferred: boolean },
  children: Object.fromEntries(NAMES.map((name) => [name, many({ $ref: '#/definitions/capability' })])),
  open: 'any',
})

/** device (2.2.2.7.2, 7.4). The time zone, which the prose bids clients leave out and servers ignore, is not judged. */
export const deviceSchema = payload('device', element({
  attributes: versions,
  children: { capabilities: { ...many(capabilities), minItems: 1 }, timezone: one(leaf(text)), machineName: one(leaf(text)) },
  required: ['@endpointId', 'capabilities', 'machineName'],
  open: 'delimited',
}), { capability })

/** services (2.2.2.7.3, 7.5). An example of 4.4.2 has no service inside, against the schema. */
export const servicesSchema = payload('services', element({
  attributes: versions,
  children: { service: many(element({ children: { capabilities: one(capabilities) }, required: ['@uri'], open: 'delimited' })) },
  open: 'delimited',
}), { capability })
