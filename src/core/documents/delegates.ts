import type { Delegate, Delegates } from '../model/delegate.ts'
import { writeBareUri } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

const writeDelegate = ({ user, publish, redelegate }: Delegate): string => `<delegate${writeAttribute('uri', writeBareUri(user))} publish="${publish}" redelegate="${redelegate}"/>`

const byUser = (a: Delegate, b: Delegate): number => (a.user < b.user ? -1 : 1)

/** The delegates document (2.2.2.10.1, 6.5): the complete list with its version, an empty element without delegates (3.9.5.3). */
export const writeDelegates = ({ version, members }: Delegates): string => {
  const start = `<delegates xmlns="${namespaces.delegates}" version="${version}"`
  return members.length === 0 ? `${start}/>` : `${start}>${[...members].sort(byUser).map(writeDelegate).join('')}</delegates>`
}
