import { failure } from '../core/base/failure.ts'
import { withSearchFault } from '../core/documents/directory-search.ts'
import { contactActionNames } from '../core/requests/contact-actions.ts'
import { SET_ACE } from '../core/requests/set-ace.ts'
import { readSoap, type SoapRequest } from '../core/requests/soap.ts'
import { handleContactAction } from './contact-actions.ts'
import type { Answer, Call, EngineDeps, Features } from './deps.ts'
import { handleDirectorySearch } from './directory-search.ts'
import { handleGetPresence } from './get-presence.ts'
import { Refused } from './refused.ts'
import { handleSetPresence } from './set-presence.ts'
import { handleSetAce } from './set-ace.ts'

/** 403 unless the request is of a user to itself. */
export const expectOwn = ({ request }: Call): void => {
  if (request.fromUser !== request.toUser) throw new Refused(failure('fromIsNotTo'))
}

/** Carries out a SOAP request by the name of its action. */
export const handleSoap = (deps: EngineDeps, call: Call): Promise<Answer> => {
  const soap = readSoap(call.request.body)
  // What cannot be read and goes to a domain can only have been a search, and clients of it read faults (3.1.5.4).
  if (!soap.ok) throw new Refused(deps.features.directorySearch && call.request.to.uri.user === undefined ? withSearchFault(soap.failure) : soap.failure)
  const handler = handlers.get(soap.value.name)
  const feature = switches.get(soap.value.name)
  if (handler === undefined || (feature !== undefined && !deps.features[feature])) throw new Refused(failure('soapActionUnknown', soap.value.name))
  return handler(deps, call, soap.value)
}

/** A SOAP action: checks by itself whom the request may be addressed to. */
export type SoapHandler = (deps: EngineDeps, call: Call, soap: SoapRequest) => Promise<Answer>

const ofOwn = (handle: SoapHandler): SoapHandler => async (deps, call, soap) => {
  expectOwn(call)
  return handle(deps, call, soap)
}

/** Action to handler; a new action is one more row. */
const handlers: ReadonlyMap<string, SoapHandler> = new Map<string, SoapHandler>([
  ['setPresence', ofOwn(handleSetPresence)],
  ['getPresence', handleGetPresence],
  ...contactActionNames.map((name) => [name, ofOwn(handleContactAction)] as const),
  ['directorySearch', handleDirectorySearch],
  [SET_ACE, ofOwn(handleSetAce)],
])

/** Actions that can be switched off, and by what. */
const switches: ReadonlyMap<string, keyof Features> = new Map([['directorySearch', 'directorySearch'], ['setPresence', 'legacyPresence'], ['getPresence', 'legacyPresence'], [SET_ACE, 'accessLists']])
