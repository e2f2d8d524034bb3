import { mediaTypes } from '../sip/media-types.ts'
import { multipartRelatedType, writeMultipart } from '../sip/multipart.ts'
import { writeBareUri, type UserKey } from '../sip/uri.ts'
import { weighResource, writeListMeta, type InstanceState, type ListedResource, type ListHead } from './rlmi.ts'

const ROOT_ID = 'resourceList'

/** About what stands around a document in its part, in bytes. */
const PART_HEAD = 160

/** A resource of a list, with its document where that is in this body. */
export interface ToldResource {
  readonly user: UserKey
  readonly instance: InstanceState
  readonly document?: { readonly type: string; readonly text: string }
}

const metaOf = ({ user, instance, document }: ToldResource): ListedResource => {
  if (document !== undefined) return { user, instance, cid: writeBareUri(user) }
  return { user, instance: instance.state === 'active' ? undefined : instance }
}

/** Bytes of a resource in the list that names it, and of the head of its part: there are as many of them as resources, and they may weigh as much as the documents. */
export const weighListed = (resource: ToldResource): number => {
  const listed = weighResource(metaOf(resource))
  return listed + (resource.document === undefined ? 0 : Buffer.byteLength(resource.document.text) + Buffer.byteLength(writeBareUri(resource.user)) + PART_HEAD)
}

/**
 * A list as one body (MS-SIP 4.3, RFC 4662 5.1): the meta-information, then a part per resource whose state is told here, named after the resource. What is active
 * without a document here is not known to the client yet: it is listed without an instance, since an active one must name its part (RFC 4662 5.5).
 */
export const writeResourceList = (head: ListHead, resources: readonly ToldResource[], boundary: string): { readonly type: string; readonly text: string } => {
  const meta = writeListMeta(head, resources.map(metaOf))
  const parts = resources.flatMap(({ user, document }) => (document === undefined ? [] : [{ contentId: writeBareUri(user), ...document }]))
  return { type: multipartRelatedType(mediaTypes.rlmi, ROOT_ID, boundary), text: writeMultipart([{ type: mediaTypes.rlmi, contentId: ROOT_ID, text: meta }, ...parts], boundary) }
}
