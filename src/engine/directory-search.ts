import { retryAfter } from '../core/admission/retry-after.ts'
import { failure, type Failure } from '../core/base/failure.ts'
import { withSearchFault, writeDirectoryAnswer } from '../core/documents/directory-search.ts'
import { DirectoryError, type DirectoryResults } from '../core/model/directory-search.ts'
import { readDirectorySearch } from '../core/requests/directory-search.ts'
import type { SoapRequest } from '../core/requests/soap.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { poolSession } from '../store/session.ts'
import { isOfDeployment } from '../store/users.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** 3.1.5.1: from a user of ours to a domain of ours, without Require. Some clients address themselves instead of their domain. */
const expectSearch = async (deps: EngineDeps, { request, network }: Call): Promise<void> => {
  const [extension] = request.require
  if (extension !== undefined) throw new Refused({ ...failure('searchExtension', extension), headers: [['Unsupported', [...request.require].join(', ')]] })
  if (network !== 'sameEnterprise' || !await isOfDeployment(poolSession(deps.store.pool), request.fromUser)) throw new Refused(failure('searcherNotUser'))
  if (request.toUser === request.fromUser) return
  if (request.to.uri.user !== undefined) throw new Refused(failure('fromIsNotTo'))
  if (await deps.domains.kindOf(request.toUser) !== 'enterprise') throw new Refused(failure('searchDomainUnknown', request.toUser))
}

/** The refusal for what a directory says (3.1.5.4); those who were refused together do not come back together. */
const refusalOf = ({ why, message }: DirectoryError, fraction: number): Failure =>
  why === 'busy' ? { ...failure('searchBusy'), headers: [retryAfter(fraction, 5, 15)] } : failure(why === 'forbidden' ? 'searchForbidden' : 'searchFailed', message)

const search = async (deps: EngineDeps, call: Call, soap: SoapRequest): Promise<DirectoryResults> => {
  await expectSearch(deps, call)
  const asked = readDirectorySearch(soap)
  if (!asked.ok) throw new Refused(asked.failure)
  const { terms, maxResults } = asked.value
  const limit = Math.min(maxResults, deps.directory.maxResults)
  try {
    // Who wants nobody still learns whether there is somebody.
    const { people, more } = await deps.directory.search({ terms, limit: Math.max(limit, 1) })
    return { people: people.slice(0, limit), more: more || people.length > limit }
  } catch (error) {
    throw error instanceof DirectoryError ? new Refused(refusalOf(error, deps.chance.fraction())) : error
  }
}

/** Searches for users by a SERVICE request (3.1.5). Whichever domain it goes to, all users of the deployment are searched; nothing is kept of it. */
export const handleDirectorySearch = async (deps: EngineDeps, call: Call, soap: SoapRequest): Promise<Answer> => {
  try {
    const results = await search(deps, call, soap)
    const body = writeDirectoryAnswer(results, deps.limits.maxAnswerBytes)
    return { reply: { status: 200, reason: 'OK', toTag: call.request.toTag ?? deps.chance.tag(), headers: [['Content-Type', mediaTypes.soapAnswer]], body }, notify: [], touched: [] }
  } catch (error) {
    throw error instanceof Refused ? new Refused(withSearchFault(error.failure)) : error
  }
}
