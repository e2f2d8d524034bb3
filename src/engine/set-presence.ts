import { failure } from '../core/base/failure.ts'
import { decideSetPresence } from '../core/publications/set-presence.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readSetPresence } from '../core/requests/set-presence.ts'
import type { SoapRequest } from '../core/requests/soap.ts'
import { changeOwn } from './change-own.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** Carries out setPresence of a client before enhanced presence (MS-SIP 3.2.4.2); the 200 has no body. */
export const handleSetPresence = async (deps: EngineDeps, call: Call, soap: SoapRequest): Promise<Answer> => {
  const { request, now } = call
  const asked = readSetPresence(soap)
  if (!asked.ok) throw new Refused(asked.failure)
  if (asked.value.user !== request.fromUser) throw new Refused(failure('presentityMismatch'))
  // Before any transaction: on the embedded database there is no second connection inside one.
  const registry = await deps.categories.registry()
  return changeOwn(deps, call, {
    needs: { instances: 'all', endpoints: true },
    decide: (state) => decideSetPresence(asked.value, state, {
      now, registry, plan: deps.plan, epid: request.epid, maxWeight: deps.limits.maxPublisherBytes,
      endpoint: findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now)),
    }),
  })
}
