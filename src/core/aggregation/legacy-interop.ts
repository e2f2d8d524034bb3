import type { StateActivity } from '../categories/state-payload.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

/** legacyInterop (2.2.2.7.6): the availability, and the token where the activity has one; a custom text has no place in it (4.3.1). */
export const writeLegacyInterop = (availability: number, activity: StateActivity | undefined): string =>
  `<legacyInterop xmlns="${namespaces.categories}" availability="${availability}"${writeAttribute('token', activity?.token === '' ? undefined : activity?.token)}/>`
