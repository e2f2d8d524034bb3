import type { Static } from 'typebox'
import { readPayloadObject } from '../../core/categories/payload-object.ts'
import type { CategoryInstance } from '../../core/model/publication.ts'
import type { Publication } from './schemas.ts'

/** One publication as operators read it, its data as XML and as JSON. */
export const writePublication = (instance: CategoryInstance): Static<typeof Publication> => ({
  category: instance.category, container: instance.container, instance: instance.instance, version: instance.instanceVersion, expireType: instance.expireType,
  ...(instance.expiresAt === undefined ? {} : { expiresAt: new Date(instance.expiresAt).toISOString() }),
  ...(instance.endpointId === undefined ? {} : { endpointId: instance.endpointId }),
  publishTime: new Date(instance.publishTime).toISOString(), xml: instance.payload,
  ...(instance.payload === '' ? {} : { json: readPayloadObject(instance.payload) }),
})
