import { readDevicePayload, type Capability } from '../categories/device-payload.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'
import { endpointIdOf, type MachineState } from './machine-state.ts'
import { byKey } from './state-instances.ts'
import { findWinner, type EndpointCapability } from './winning-capability.ts'

/** One service: a URI and the winner of each type of capability, in the order in which types were first seen. */
export interface Service {
  readonly uri: string
  readonly winners: readonly EndpointCapability[]
}

// The example of 4.3.2.1 goes from the device that was published first to the one that was published last.
const byPublishTime = (a: CategoryInstance, b: CategoryInstance): number => a.publishTime - b.publishTime || byKey(a, b)

type Found = Map<string, Map<string, EndpointCapability[]>>

const addCapability = (found: Found, uri: string, candidate: EndpointCapability): void => {
  const types = found.get(uri) ?? new Map<string, EndpointCapability[]>()
  const candidates = types.get(candidate.capability.type) ?? []
  candidates.push(candidate)
  found.set(uri, types.set(candidate.capability.type, candidates))
}

/**
 * All services of the user's endpoints (3.8.5.2.2). `instances` are those of the input container, of which the devices count; `machines` are
 * sorted, the most active first. An endpoint without a machineState takes part as the least active.
 */
export const findServices = (instances: readonly CategoryInstance[], machines: readonly MachineState[]): readonly Service[] => {
  const found: Found = new Map()
  for (const instance of [...instances].sort(byPublishTime)) {
    const device = readDevicePayload(instance.payload)
    if (device === undefined) continue
    const endpointId = (instance.endpointId ?? device.endpointId).toLowerCase()
    const machine = machines.find((candidate) => endpointIdOf(candidate) === endpointId)
    for (const { uri, capabilities } of device.services) {
      if (!found.has(uri)) found.set(uri, new Map())
      for (const capability of capabilities) addCapability(found, uri, { capability, endpointId, machine })
    }
  }
  return [...found].map(([uri, types]) => ({ uri, winners: [...types.values()].flatMap((candidates) => findWinner(candidates) ?? []) }))
}

const writeFlag = (name: string, value: boolean | undefined): string => writeAttribute(name, value === undefined ? undefined : String(value))

const isForSubscribers = ({ publish, render, capture }: Capability): boolean => publish !== true && (render !== undefined || capture !== undefined)

const isForSelf = ({ publish, render, capture }: Capability): boolean => publish !== undefined || render !== undefined || capture !== undefined

/** Attributes in the order of 4.3.2.1; the user's own endpoints also see what is published, and by whom it shall be. */
const writeCapability = ({ capability, endpointId, machine }: EndpointCapability, forSelf: boolean): string =>
  `<${capability.type}${writeFlag('render', capability.render)}${writeFlag('capture', capability.capture)}` +
  (forSelf ? `${writeFlag('publish', capability.publish)}${writeAttribute('version', capability.version)}${writeAttribute('preferredEndpointId', endpointId)}` : '') +
  `${writeAttribute('deviceAvailability', machine?.availability)}/>`

const writeService = ({ uri, winners }: Service, forSelf: boolean): string => {
  const shown = winners.filter(({ capability }) => (forSelf ? isForSelf(capability) : isForSubscribers(capability)))
  // Subscribers are not told of services that offer them nothing (4.3.2.1).
  if (!forSelf && shown.length === 0) return ''
  return `<service${writeAttribute('uri', uri)}><capabilities>${shown.map((winner) => writeCapability(winner, forSelf)).join('')}</capabilities></service>`
}

/** services (2.2.2.7.3), for the user's own endpoints or for subscribers. May be without any service, as in 4.4.2. */
export const writeServices = (services: readonly Service[], forSelf: boolean): string =>
  `<services xmlns="${namespaces.services}">${services.map((service) => writeService(service, forSelf)).join('')}</services>`
