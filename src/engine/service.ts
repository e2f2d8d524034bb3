import { failure } from '../core/base/failure.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { handlePublish } from './publish.ts'
import { Refused } from './refused.ts'
import { handleSetContainerMembers } from './set-container-members.ts'
import { handleSoap } from './soap.ts'
import { handleSetDelegates } from './set-delegates.ts'
import { handleSetSubscribers } from './set-subscribers.ts'

/** Content-Type to handler; a new SERVICE request is one more row. */
const handlers: ReadonlyMap<string, (deps: EngineDeps, call: Call) => Promise<Answer>> = new Map([
  [mediaTypes.publish, handlePublish],
  [mediaTypes.setContainerMembers, handleSetContainerMembers],
  [mediaTypes.setSubscribers, handleSetSubscribers],
  [mediaTypes.setDelegates, handleSetDelegates],
  [mediaTypes.soap, handleSoap],
])

/** Carries out a SERVICE request. A publisher only ever changes itself: From and To must be the same user (3.2.5.4, 3.5.5.5). */
export const handleService = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  const handler = request.contentType === undefined ? undefined : handlers.get(request.contentType)
  if (handler === undefined) {
    if (request.body.length === 0) throw new Refused(failure('bodyMissing'))
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', [...handlers.keys()].join(', ')]] })
  }
  if (request.fromUser !== request.toUser) throw new Refused(failure('fromIsNotTo'))
  return handler(deps, call)
}
