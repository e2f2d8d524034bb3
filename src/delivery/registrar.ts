import type { Held, RegisteredEndpoint } from '../core/registrations/lease.ts'
import { writeUserUri } from '../core/sip/uri.ts'
import { createPoster, type ProxyAddress } from './post-json.ts'

/** The registrar of one proxy, to be asked what it holds. */
export interface RegistrarClient {
  /**
   * What it says of each of these endpoints, in their order; undefined when the proxy does not offer this question. Rejects when it does not answer, or answers
   * anything else: then nothing is known of any of them.
   */
  readonly ask: (endpoints: readonly RegisteredEndpoint[]) => Promise<readonly Held[] | undefined>
  readonly close: () => void
}

/** Where it is asked: beside the URL that takes notifications, unless it is set. */
export const registrarUrl = (notifyUrl: string): string => new URL('registered', notifyUrl).href

/** Registrars keep Contacts much shorter than this (Kamailio 512 bytes); a hundred of them fit into one message to it. */
const MAX_BINDING_BYTES = 2_000

const isHeld = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= -1 && value <= 0xffffffff

const readHeld = (text: string, count: number): readonly Held[] => {
  const parsed: unknown = JSON.parse(text)
  const list: readonly unknown[] = typeof parsed === 'object' && parsed !== null && 'r' in parsed && Array.isArray(parsed.r) ? parsed.r : []
  if (list.length !== count) throw new Error(`the proxy answered ${list.length} results to ${count} bindings`)
  return list.map((value) => {
    if (!isHeld(value)) throw new Error(`the proxy answered ${JSON.stringify(value).slice(0, 80)} for a binding`)
    return value < 0 ? 'unclear' : value
  })
}

/** Asks over HTTP (the contract's `registered` call). The timeout holds for each question. */
export const createRegistrarClient = (address: ProxyAddress): RegistrarClient => {
  const { post, close } = createPoster(address, 1)
  return {
    ask: async (endpoints) => {
      const bindings = endpoints.map(({ user, contact, callId, endpointId }) => JSON.stringify({ aor: writeUserUri(user), contact, callid: callId, instance: endpointId }))
      const fits = (binding: string): boolean => Buffer.byteLength(binding) <= MAX_BINDING_BYTES
      const asked = bindings.filter(fits)
      const { status, text } = await post(`[${asked.join(',')}]`)
      if (status === 404) return undefined
      if (status !== 200) throw new Error(`the proxy answered ${status}`)
      const held = readHeld(text, asked.length).values()
      return bindings.map((binding) => (fits(binding) ? held.next().value ?? 'unclear' : 'unclear'))
    },
    close,
  }
}
