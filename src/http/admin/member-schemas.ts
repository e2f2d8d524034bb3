import { Type, type Static } from 'typebox'
import { MAX_CONTAINER, memberTypes, type Container, type ContainerMember } from '../../core/model/container.ts'
import { readMember } from '../../core/requests/set-container-members.ts'
import { MAX_UNSIGNED_INT } from '../../core/requests/reading.ts'
import { ProblemError } from '../problem.ts'

export const Member = Type.Object({
  type: Type.Enum([...memberTypes]),
  value: Type.Optional(Type.String({ maxLength: 512, description: 'user@domain for a user (sip: optional), the name for a domain; nothing for the others.' })),
}, { additionalProperties: false })

/** Container 0 has no membership (1.3.1.3.3). */
export const ContainerId = Type.Integer({ minimum: 1, maximum: MAX_CONTAINER })

export const Version = Type.Integer({ minimum: 0, maximum: MAX_UNSIGNED_INT, description: 'The version that the change was made for; 409 when it is no longer that. Without it the change applies to whatever is there.' })

export const Members = Type.Array(Member, { maxItems: 10_000 })

export const ContainerView = Type.Object({ id: Type.Integer(), version: Type.Integer(), members: Members }, { $id: 'Container' })

/** Members of a body, under the same rules as those of a client (3.5.5.2); 400 with the place. */
export const readMembers = (members: readonly Static<typeof Member>[], place: string): readonly ContainerMember[] =>
  members.map(({ type, value }, at) => {
    const member = readMember(type, value)
    if (typeof member === 'string') throw new ProblemError(400, `${place}/${at}: ${member}`)
    return member
  })

export const writeMember = ({ type, value }: ContainerMember): Static<typeof Member> => (value === '' ? { type } : { type, value })

export const writeContainerView = ({ id, membersVersion, members }: Container): Static<typeof ContainerView> => ({ id, version: membersVersion, members: members.map(writeMember) })
