import { failure } from '../core/base/failure.ts'
import type { SelfScope } from '../core/model/dialog.ts'
import { writeSelfState } from '../core/notifications/self.ts'
import { readRoamingList } from '../core/requests/roaming-list.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadStates, withOwnLists } from '../store/publisher.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { subscribeOwn, type OwnPackage } from './own-subscribe.ts'
import { Refused } from './refused.ts'

const readScope = ({ request }: Call): readonly SelfScope[] => {
  if (request.contentType !== undefined && request.contentType !== mediaTypes.roamingSelf) {
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.roamingSelf]] })
  }
  const scope = readRoamingList(request.body)
  if (!scope.ok) throw new Refused(scope.failure)
  return scope.value
}

const roamingSelf: OwnPackage = {
  kind: 'self',
  mediaType: mediaTypes.roamingSelf,
  readScope,
  load: async (session, user, now) => {
    const state = await withOwnLists(session, user, loadStates(session, [user], 'all', now).then((states) => states(user)))
    return (scope) => writeSelfState(state, scope, now)
  },
}

/** Processes a SUBSCRIBE to vnd-microsoft-roaming-self (3.3.5). */
export const handleSelfSubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => subscribeOwn(deps, call, roamingSelf)
