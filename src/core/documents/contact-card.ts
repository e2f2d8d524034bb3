import { namespaces } from '../xml/namespaces.ts'
import { escapeXml } from '../xml/write.ts'

/** Who somebody is (2.2.2.7.5); what is missing is left out. */
export interface CardIdentity {
  readonly displayName: string | undefined
  readonly email: string | undefined
}

/** The data of a contactCard instance with an identity alone (7.3), as the server publishes it (4.13). */
export const writeContactCard = ({ displayName, email }: CardIdentity): string => {
  const name = displayName === undefined ? '' : `<name><displayName>${escapeXml(displayName)}</displayName></name>`
  const address = email === undefined ? '' : `<email>${escapeXml(email)}</email>`
  return `<contactCard xmlns="${namespaces.contactCard}"><identity>${name}${address}</identity></contactCard>`
}
