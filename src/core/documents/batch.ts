import { mediaTypes } from '../sip/media-types.ts'
import { multipartRelatedType, writeMultipart } from '../sip/multipart.ts'
import type { UserKey } from '../sip/uri.ts'
import { writeRlmi, type Rejection } from './rlmi.ts'

const ROOT_ID = 'resourceList'

/** The answer to a category SUBSCRIBE: the rejection list, then one categories document per publisher (2.2.2.4.2). */
export const writeBatch = (subscriber: UserKey, rejections: readonly Rejection[], documents: readonly string[], boundary: string): { readonly type: string; readonly text: string } => ({
  type: multipartRelatedType(mediaTypes.rlmi, ROOT_ID, boundary),
  text: writeMultipart(
    [{ type: mediaTypes.rlmi, contentId: ROOT_ID, text: writeRlmi(subscriber, rejections) }, ...documents.map((text) => ({ type: mediaTypes.categories, text }))],
    boundary,
  ),
})
