import { ResultCodeError } from 'ldapts'
import { DirectoryError } from '../core/model/directory-search.ts'

/** Result codes of RFC 4511 4.1.9: it cannot now, in time, or at all within its bounds; 248 is a connection that ended without one. */
const BUSY = new Set([3, 11, 51, 52, 248])

/** Who we are is not good enough: authMethodNotSupported, strongerAuthRequired, confidentialityRequired, inappropriateAuthentication, invalidCredentials, insufficientAccessRights. */
const FORBIDDEN = new Set([7, 8, 13, 48, 49, 50])

/** The result code of LDAP, or undefined for what came about otherwise: connections, timeouts, certificates. */
export const resultCodeOf = (error: unknown): number | undefined => (error instanceof ResultCodeError ? error.code : undefined)

/** Says a failure in the words of 3.1.5.4. What is not LDAP's own is trouble on the way to it. */
export const toDirectoryError = (error: unknown): DirectoryError => {
  if (error instanceof DirectoryError) return error
  const code = resultCodeOf(error)
  // Active Directory ends its sentences with a null character, which no database takes.
  const text = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.replace(/\p{Cc}/gu, '').slice(0, 500)
  const why = code === undefined || BUSY.has(code) ? 'busy' : FORBIDDEN.has(code) ? 'forbidden' : 'failed'
  return new DirectoryError(why, `LDAP: ${text}`, { cause: error })
}

/** Is the connection good for nothing any more? */
export const endsConnection = (error: unknown): boolean => {
  const code = resultCodeOf(error)
  return code === undefined || BUSY.has(code) || FORBIDDEN.has(code)
}
