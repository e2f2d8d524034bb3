import { failure } from '../core/base/failure.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { handlePublish } from './publish.ts'
import { Refused } from './refused.ts'
import { handleSetContainerMembers } from './set-container-members.ts'
import { expectOwn, handleSoap } from './soap.ts'
import { handleSetDelegates } from './set-delegates.ts'
import { handleSetSubscribers } from './set-subscribers.ts'

type Handler = (deps: EngineDeps, call: Call) => Promise<Answer>

/** A publisher only ever changes itself: From and To must be the same user (3.2.5.4, 3.5.5.5). */
const ofOwn = (handle: Handler): Handler => async (deps, call) => {
  expectOwn(call)
  return handle(deps, call)
}

/** Content-Type to handler; a new SERVICE request is one more row. */
const handlers: ReadonlyMap<string, Handler> = new Map([
  [mediaTypes.publish, ofOwn(handlePublish)],
  [mediaTypes.setContainerMembers, ofOwn(handleSetContainerMembers)],
  [mediaTypes.setSubscribers, ofOwn(handleSetSubscribers)],
  [mediaTypes.setDelegates, ofOwn(handleSetDelegates)],
  [mediaTypes.soap, handleSoap],
])

/** Carries out a SERVICE request. */
export const handleService = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  const handler = request.contentType === undefined ? undefined : handlers.get(request.contentType)
  if (handler === undefined) {
    if (request.body.length === 0) throw new Refused(failure('bodyMissing'))
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', [...handlers.keys()].join(', ')]] })
  }
  return handler(deps, call)
}
