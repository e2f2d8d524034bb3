import { decideSetDelegates } from '../core/delegates/set-delegates.ts'
import { writeDelegates } from '../core/documents/delegates.ts'
import { writeRoamingData } from '../core/documents/roaming-self.ts'
import { readSetDelegates } from '../core/requests/set-delegates.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { poolSession } from '../store/session.ts'
import { isOfDeployment } from '../store/users.ts'
import { changeOwn } from './change-own.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** Carries out a setDelegates request (3.9.5.2); the answer is the complete list (2.2.2.10.3). */
export const handleSetDelegates = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const body = readSetDelegates(call.request.body)
  if (!body.ok) throw new Refused(body.failure)
  const { user } = body.value.delegate
  const exists = await isOfDeployment(poolSession(deps.store.pool), user)
  return changeOwn(deps, call, {
    needs: { delegates: true },
    decide: (state) => decideSetDelegates(body.value, state, { exists, maxDelegates: deps.limits.maxDelegates }),
    answerAgain: ({ delegates }) => ({ type: mediaTypes.roamingSelf, text: writeRoamingData({ delegates: writeDelegates(delegates) }) }),
  })
}
