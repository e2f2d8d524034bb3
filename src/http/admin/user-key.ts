import { Type } from 'typebox'
import { readUserKey, type UserKey } from '../../core/sip/uri.ts'
import { ProblemError } from '../problem.ts'

/** Path parameters of everything below a user. */
export const UserParams = Type.Object({ uri: Type.String({ minLength: 1, maxLength: 512, description: 'user@domain; sip: in front is optional.' }) })

/** The key of the user in a path; 400 when it is none. */
export const readKey = (text: string): UserKey => {
  const key = readUserKey(text)
  if (!key.ok) throw new ProblemError(400, `"${text}" is not the SIP URI of a user`)
  return key.value
}
