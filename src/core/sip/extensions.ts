import { failure, type Failure } from '../base/failure.ts'
import type { SipRequest } from './request.ts'

// What is given back in a header must be what a header may hold (RFC 3261 25.1).
const OPTION_TAG = /^[\w.!%*+`'~-]+$/

/** Refuses a request that requires extensions beyond those offered to it (RFC 3261 8.2.2.3). */
export const checkRequired = ({ require }: Pick<SipRequest, 'require'>, offered: ReadonlySet<string>): Failure | undefined => {
  const unsupported = [...require].filter((tag) => !offered.has(tag))
  if (unsupported.length === 0) return undefined
  const refused = failure('extensionUnsupported', unsupported.join(', '))
  const tags = unsupported.filter((tag) => OPTION_TAG.test(tag))
  return tags.length === 0 ? refused : { ...refused, headers: [['Unsupported', tags.join(', ')]] }
}
