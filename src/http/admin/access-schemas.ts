import { Type, type Static } from 'typebox'
import { accessRights, aceTypes, type Ace } from '../../core/model/access-list.ts'
import { readAceKey } from '../../core/requests/set-ace.ts'
import { writeUserUri } from '../../core/sip/uri.ts'
import { ProblemError } from '../problem.ts'

/** An entry of an access list (MS-SIP 2.2.3). */
export const AccessEntry = Type.Object({
  type: Type.Enum([...aceTypes]),
  mask: Type.Optional(Type.String({ maxLength: 512, description: 'user@domain for a user (sip: optional), the name for a domain; nothing for ALL.' })),
  rights: Type.Enum([...accessRights], { description: 'Two letters: presence (A allow, D deny, P prompt, B polite block), then incoming sessions (A or D; clients enforce it).' }),
}, { additionalProperties: false })

export const writeAccessEntry = ({ type, mask, rights }: Ace): Static<typeof AccessEntry> => ({ type, ...(mask === '' ? {} : { mask: type === 'USER' ? writeUserUri(mask) : mask }), rights })

/** Entries of a body, under the same rules as those of a client; 400 with the place. */
export const readAccessEntries = (entries: readonly Static<typeof AccessEntry>[], place: string): readonly Ace[] => {
  const keys = new Set<string>()
  return entries.map(({ type, mask = '', rights }, at) => {
    const key = readAceKey(type, mask)
    if (typeof key === 'string') throw new ProblemError(400, `${place}/${at}: ${key}`)
    const text = `${key.type} ${key.mask}`
    if (keys.has(text)) throw new ProblemError(400, `${place}/${at}: ${text.trim()} comes twice`)
    keys.add(text)
    return { ...key, rights }
  })
}
