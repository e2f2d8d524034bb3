import { mediaTypes } from '../sip/media-types.ts'
import { multipartRelatedType, writeMultipart } from '../sip/multipart.ts'
import { domainOf } from '../sip/uri.ts'
import { weighResource, writeListMeta, type ListedResource, type ListHead } from './rlmi.ts'

/** A resource as a notification of a list tells it: with its document where it is active and the document is here. */
export interface ToldEntry extends Omit<ListedResource, 'cid'> {
  readonly document?: { readonly type: string; readonly text: string } | undefined
}

/**
 * The notification of a list as RFC 4662 has it: the meta-information first, then a part per resource whose state is told here, each under an identifier of its own (RFC 2392).
 * `id` names this one notification among all others, and must not occur in any document. What is active without a document here is listed without an instance: its state is not
 * known to the client yet, and an active instance must name its part (4.5, 5.5).
 */
export const writeEventList = (head: ListHead, entries: readonly ToldEntry[], id: string): { readonly type: string; readonly text: string } => {
  const contentId = (at: number): string => `${at}.${id}@${domainOf(head.subscriber)}`
  const meta = writeListMeta(head, entries.map(({ document, instance, ...entry }, at) =>
    (document === undefined ? { ...entry, instance: instance?.state === 'active' ? undefined : instance } : { ...entry, instance, cid: contentId(at + 1) })))
  const parts = entries.flatMap(({ document }, at) => (document === undefined ? [] : [{ contentId: `<${contentId(at + 1)}>`, ...document }]))
  const root = { type: `${mediaTypes.rlmi};charset="UTF-8"`, contentId: `<${contentId(0)}>`, text: `<?xml version="1.0" encoding="UTF-8"?>${meta}` }
  return { type: multipartRelatedType(mediaTypes.rlmi, `"<${contentId(0)}>"`, id), text: writeMultipart([root, ...parts], id) }
}

/** About what stands around a document in its part, and names the part in the list, in bytes. */
const PART_HEAD = 300

/** Bytes of a resource in the list, and of its part: there are as many of the first as resources, and they may weigh as much as the documents. */
export const weighEntry = ({ document, instance, ...entry }: ToldEntry): number =>
  weighResource({ ...entry, instance }) + (document === undefined ? 0 : PART_HEAD + Buffer.byteLength(document.text))
