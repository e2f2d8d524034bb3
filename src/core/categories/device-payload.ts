import type { XmlElement } from '../xml/element.ts'
import { attributeCalled, childrenCalled, isTrue, readPayloadTree, readUnsigned } from './payload-tree.ts'
import { REMEMBERED_CHARACTERS, remember } from './remember.ts'

/** One capability of an endpoint (2.2.2.7.3). What the client does not say is undefined; the schema takes it for false, or 0. */
export interface Capability {
  /** text, voice, calendar and so on: the name of the element. */
  readonly type: string
  readonly render: boolean | undefined
  readonly capture: boolean | undefined
  readonly publish: boolean | undefined
  readonly version: number | undefined
}

/** What an endpoint can do under one URI. */
export interface DeviceService {
  readonly uri: string
  readonly capabilities: readonly Capability[]
}

/** What the server reads of a device (2.2.2.7.2, 7.4). */
export interface DevicePayload {
  readonly endpointId: string
  readonly services: readonly DeviceService[]
}

const readFlag = (text: string | undefined): boolean | undefined => (text === undefined ? undefined : isTrue(text))

const readCapability = (element: XmlElement): Capability => ({
  type: element.local,
  render: readFlag(attributeCalled(element, 'render')),
  capture: readFlag(attributeCalled(element, 'capture')),
  publish: readFlag(attributeCalled(element, 'publish')),
  version: readUnsigned(attributeCalled(element, 'version')),
})

/**
 * Reads a payload that is a device; undefined when it is not one. Capabilities without a URI belong to no service (3.8.5.2.2) and are left
 * out. The marks around what later versions added (7.1) look like capabilities that say nothing, and such are never shown.
 */
export const readDevicePayload: (payload: string) => DevicePayload | undefined = remember((payload) => {
  const root = readPayloadTree('device', payload)?.root
  if (root === undefined) return undefined
  return {
    endpointId: attributeCalled(root, 'endpointId') ?? '',
    services: childrenCalled(root, 'capabilities').flatMap((element) => {
      const uri = attributeCalled(element, 'uri') ?? ''
      return uri === '' ? [] : [{ uri, capabilities: element.children.map(readCapability) }]
    }),
  }
}, REMEMBERED_CHARACTERS)
