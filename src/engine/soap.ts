import { failure } from '../core/base/failure.ts'
import { contactActionNames } from '../core/requests/contact-actions.ts'
import { readSoap } from '../core/requests/soap.ts'
import { handleContactAction } from './contact-actions.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** Carries out a SOAP request by the name of its action; a new action is one more row. */
export const handleSoap = (deps: EngineDeps, call: Call): Promise<Answer> => {
  const soap = readSoap(call.request.body)
  if (!soap.ok) throw new Refused(soap.failure)
  const handler = handlers.get(soap.value.name)
  if (handler === undefined) throw new Refused(failure('soapActionUnknown', soap.value.name))
  return handler(deps, call, soap.value)
}

const handlers: ReadonlyMap<string, typeof handleContactAction> = new Map(contactActionNames.map((name) => [name, handleContactAction] as const))
