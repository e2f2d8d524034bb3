import { writeBareUri, writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'

/** A resource of a batch that this server does not serve, and what the client shall do (3.4.5.1.3.1). */
export interface Rejection {
  readonly user: UserKey
  readonly state: 'resubscribe' | 'terminated'
  readonly reason?: string
  readonly statusCode?: number
  readonly poolFqdn?: string
}

/** How the subscription to one resource of a list stands (RFC 4662 5.5); whoever is terminated is told why, as in Subscription-State. */
export type InstanceState =
  | { readonly state: 'active' | 'pending' }
  | { readonly state: 'terminated'; readonly reason: string; readonly statusCode?: number }

/** A resource with its one instance, or without where its state is not told yet (RFC 4662 4.5); `cid` names the part that holds it. */
export interface ListedResource {
  readonly user: UserKey
  /** What the list calls it (RFC 4662 5.4). */
  readonly name?: string | undefined
  readonly instance: InstanceState | undefined
  readonly cid?: string
}

/** What an RLMI document says of itself (RFC 4662 5.2). */
export interface ListHead {
  /** Whose list it is, or the list that was subscribed to. */
  readonly subscriber: UserKey
  readonly name?: string | undefined
  readonly version: number
  /** It names every resource of the list. */
  readonly fullState: boolean
}

interface WrittenInstance {
  readonly state: string
  readonly reason?: string
  readonly statusCode?: number
  readonly cid?: string | undefined
  readonly poolFqdn?: string
}

const writeInstance = ({ state, reason, statusCode, cid, poolFqdn }: WrittenInstance): string =>
  `<instance id="0" state="${state}"` + writeAttribute('reason', reason) + writeAttribute('statusCode', statusCode) + writeAttribute('cid', cid) + writeAttribute('poolFqdn', poolFqdn) + '/>'

const writeName = (name: string | undefined): string => (name === undefined ? '' : `<name>${escapeXml(name)}</name>`)

const writeResource = (user: UserKey, instance: WrittenInstance | undefined, name?: string): string => {
  const start = `<resource${writeAttribute('uri', writeUserUri(user))}`
  const content = writeName(name) + (instance === undefined ? '' : writeInstance(instance))
  return content === '' ? `${start}/>` : `${start}>${content}</resource>`
}

const writeList = ({ subscriber, name, version, fullState }: ListHead, resources: readonly string[]): string => {
  const start = `<list xmlns="${namespaces.rlmi}"${writeAttribute('uri', writeUserUri(subscriber))} version="${version}" fullState="${fullState}"`
  const content = writeName(name) + resources.join('')
  return content === '' ? `${start}/>` : `${start}>${content}</list>`
}

/** The list of rejected resources of a batch answer: fullState is always false, version may stay 0 (2.2.2.4.2, 3.4.5.2). */
export const writeRlmi = (subscriber: UserKey, rejections: readonly Rejection[]): string =>
  writeList({ subscriber, version: 0, fullState: false }, rejections.map(({ user, ...rejection }) => writeResource(user, { ...rejection, cid: writeBareUri(user) })))

/** The meta-information of a list (RFC 4662 5): each of its resources and how its subscription stands. */
export const writeListMeta = (head: ListHead, resources: readonly ListedResource[]): string =>
  writeList(head, resources.map(({ user, name, instance, cid }) => writeResource(user, instance === undefined ? undefined : { ...instance, cid }, name)))

/** Bytes of a resource in such a list. */
export const weighResource = ({ user, name, instance, cid }: ListedResource): number => Buffer.byteLength(writeResource(user, instance === undefined ? undefined : { ...instance, cid }, name))
