import { createHash } from 'node:crypto'

/** Identity of an endpoint: a UUID in lower case. Compare ids with this form only; documents show what the client registered. */
export type EndpointId = string

/** The name space of epid-derived ids, fcacfb03-8a73-46ef-91b1-e5ebeeaba4fe in Windows GUID byte order. */
const NAMESPACE = Buffer.from('03fbacfc738aef4691b1e5ebeeaba4fe', 'hex')

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

// GUID byte order: the first three fields are little-endian. The transformation is its own inverse.
const swapGuid = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(bytes.subarray(0, 4)).reverse(), Buffer.from(bytes.subarray(4, 6)).reverse(), Buffer.from(bytes.subarray(6, 8)).reverse(), bytes.subarray(8, 16)])

const formatUuid = (bytes: Buffer): EndpointId => {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/** The endpoint id that Microsoft endpoints derive from their epid: a name-based UUID over SHA-1 (MS-SIPRE, MS-SIPREGE). */
export const endpointIdOfEpid = (epid: string): EndpointId => {
  const bytes = swapGuid(createHash('sha1').update(NAMESPACE).update(epid, 'ascii').digest())
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return formatUuid(bytes)
}

/** The UUID of a `+sip.instance="<urn:uuid:...>"` value as written, or undefined when it is not one. */
export const readInstanceId = (instance: string): string | undefined => {
  const uuid = /^<?urn:uuid:([0-9a-f-]+)>?$/i.exec(instance.trim())?.[1]
  return uuid !== undefined && UUID.test(uuid) ? uuid : undefined
}

/** The `opaque` value of the endpoint's GRUU: 16 bytes in GUID order and two zero bytes, in base64url (MS-SIPRE 2.2.3). */
export const gruuOpaque = (id: EndpointId): string =>
  Buffer.concat([swapGuid(Buffer.from(id.replaceAll('-', ''), 'hex')), Buffer.alloc(2)]).toString('base64url')

/** The endpoint id inside a GRUU's `opaque=user:epid:XXXX` value; undefined when it holds none. */
export const endpointIdOfOpaque = (opaque: string): EndpointId | undefined => {
  const encoded = /^user:epid:([A-Za-z0-9_-]{24})$/.exec(opaque)?.[1]
  if (encoded === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  return bytes.length === 18 ? formatUuid(swapGuid(bytes.subarray(0, 16))) : undefined
}
