import type { Container, ContainerMember } from '../model/container.ts'
import { writeBareUri } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

const writeMember = (member: ContainerMember): string =>
  `<member type="${member.type}"${writeAttribute('value', member.type === 'user' ? writeBareUri(member.value) : member.value === '' ? undefined : member.value)}/>`

const writeContainer = ({ id, membersVersion, members }: Container): string =>
  members.length === 0
    ? `<container id="${id}" version="${membersVersion}"/>`
    : `<container id="${id}" version="${membersVersion}">${members.map(writeMember).join('')}</container>`

/** The containers document (2.2.2.5.1): each container with its complete membership, as given. */
export const writeContainers = (containers: readonly Container[]): string =>
  `<containers xmlns="${namespaces.containers}">${containers.map(writeContainer).join('')}</containers>`
