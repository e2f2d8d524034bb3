import type { Held, RegisteredEndpoint } from '../core/registrations/lease.ts'
import { writeBareUri } from '../core/sip/uri.ts'
import type { MiAnswer, MiLine } from './mi.ts'
import type { RegistrarClient } from './registrar.ts'

/** The usrloc table of our script. */
const TABLE = 'location'

/** A contact that never expires is asked about again anyway. */
const PERMANENT_S = 86_400

const METHOD_NOT_FOUND = -32_601

const textOf = (contact: object, name: string): string => {
  const value: unknown = (contact as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : ''
}

/** Seconds that a contact has left; 0 for one that is on its way out (usrloc, `ul_show_contact`: a number, "permanent", "deleted" or "expired"). */
const secondsLeft = (contact: object): number => {
  const value: unknown = 'Expires' in contact ? contact.Expires : undefined
  if (value === 'permanent') return PERMANENT_S
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff ? value : 0
}

/** What the contacts of a user say of one endpoint: the same `+sip.instance`, or the same Contact under the same Call-ID; that Call-ID with another Contact says nothing certain. */
const judgeContacts = (contacts: readonly unknown[], { contact: uri, callId, endpointId }: RegisteredEndpoint): Held => {
  const instance = `<urn:uuid:${endpointId.toLowerCase()}>`
  let held = 0
  let moved = false
  for (const contact of contacts) {
    if (typeof contact !== 'object' || contact === null) throw new Error('OpenSIPS answered a contact that is none')
    const seconds = secondsLeft(contact)
    if (seconds === 0) continue
    const sameCall = textOf(contact, 'Callid') === callId
    if (textOf(contact, 'SIP_instance').replaceAll('"', '').toLowerCase() === instance || (sameCall && textOf(contact, 'Contact') === uri)) held = Math.max(held, seconds)
    else moved ||= sameCall
  }
  return held === 0 && moved ? 'unclear' : held
}

const readContacts = (answer: MiAnswer): readonly unknown[] => {
  if ('error' in answer) {
    // The table is ours to name, the user may well have no contact.
    if (answer.error.code === 404 && /\baor\b/i.test(answer.error.message)) return []
    throw new Error(`OpenSIPS refuses ul_show_contact: ${answer.error.code} ${answer.error.message}`)
  }
  const { result } = answer
  if (typeof result !== 'object' || result === null || !('Contacts' in result) || !Array.isArray(result.Contacts)) throw new Error('OpenSIPS answered no contacts')
  return result.Contacts
}

/** Asks usrloc, user by user, what it holds (`ul_show_contact`). An OpenSIPS without that command goes without comparison. */
export const createOpensipsRegistrar = (line: MiLine): RegistrarClient => ({
  ask: async (endpoints) => {
    const known = new Map<string, readonly unknown[]>()
    for (const { user } of endpoints) {
      if (known.has(user)) continue
      const answer = await line.ask('ul_show_contact', { table_name: TABLE, aor: writeBareUri(user) })
      if ('error' in answer && answer.error.code === METHOD_NOT_FOUND) return undefined
      known.set(user, readContacts(answer))
    }
    return endpoints.map((endpoint) => judgeContacts(known.get(endpoint.user) ?? [], endpoint))
  },
  close: line.close,
})
