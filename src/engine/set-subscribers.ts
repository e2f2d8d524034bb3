import { decideSetSubscribers } from '../core/subscribers/set-subscribers.ts'
import { readSetSubscribers } from '../core/requests/set-subscribers.ts'
import { changeOwn } from './change-own.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** Carries out a setSubscribers request (3.6.5.1): the publisher acknowledges who subscribes to it. */
export const handleSetSubscribers = (deps: EngineDeps, call: Call): Promise<Answer> => {
  const body = readSetSubscribers(call.request.body)
  if (!body.ok) throw new Refused(body.failure)
  return changeOwn(deps, call, { needs: { subscribers: true }, decide: (state) => decideSetSubscribers(body.value, state) })
}
