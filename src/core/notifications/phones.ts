import { KEPT_PIDF, KEPT_PIDF_CONTAINER } from '../categories/registry.ts'
import type { PhoneSeen } from '../documents/phone-parts.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { readKeptPidf } from '../requests/pidf.ts'

/** The phones of a publisher that have published in their own words (RFC 3903), the newest first; the number of the instance stays theirs. */
export const findPhones = (instances: readonly CategoryInstance[]): readonly PhoneSeen[] =>
  instances.filter(({ category, container }) => category === KEPT_PIDF && container === KEPT_PIDF_CONTAINER)
    .sort((a, b) => b.publishTime - a.publishTime || b.instance - a.instance)
    .flatMap(({ instance, payload }) => {
      const document = readKeptPidf(payload)
      return document === undefined ? [] : [{ key: `p${instance.toString(16)}`, document }]
    })
