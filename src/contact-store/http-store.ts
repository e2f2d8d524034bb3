import type { ContactStore } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { readList, writeChanges, writeList } from './document.ts'

export interface HttpStoreOptions {
  /** The lists are below this URL, each under the key of its user. */
  readonly url: string
  readonly key: string | undefined
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number
  readonly pause: (milliseconds: number) => Promise<unknown>
}

/** How often a request is made, and how long the pause before the second one is; each further one is three times as long. */
const TRIES = 3
const PAUSE_MS = 200

/** Larger answers are no contact lists. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** An answer that another attempt may not meet. */
class Passing extends Error {}

/** The body; undefined when it is too large to be a contact list. */
const readText = async (response: Response): Promise<string | undefined> => {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.byteLength
    if (size > MAX_ANSWER_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/**
 * Contact lists behind HTTP: `GET` and `PUT URL/USER` with the document of a list (404 when there is none), `PUT URL/USER/changes` with changes. The store compares epochs and
 * numbers itself, and answers 2xx for what it leaves aside; 409 to changes of a list of another epoch. What cannot be sent, takes too long, or is answered with 429 or 5xx is tried again.
 */
export const createHttpStore = ({ url, key, timeoutMs, pause }: HttpStoreOptions): ContactStore => {
  const closing = new AbortController()
  const base = url.replace(/\/+$/, '')

  const askOnce = async (method: string, address: string, body: object | undefined): Promise<string | undefined> => {
    let response: Response
    let text: string | undefined
    try {
      response = await fetch(address, {
        method, redirect: 'error', signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      text = await readText(response)
    } catch (error) {
      throw new Passing('the store does not answer', { cause: error })
    }
    if (response.ok && text === undefined) throw new Error(`the store answers more than ${MAX_ANSWER_BYTES} bytes`)
    if (response.ok) return text
    if (response.status === 404 && method === 'GET') return undefined
    const why = `the store answers ${response.status} to ${method}`
    throw response.status === 429 || response.status >= 500 ? new Passing(why) : new Error(why)
  }

  const ask = async (method: string, user: UserKey, more: string, body?: object): Promise<string | undefined> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await askOnce(method, `${base}/${encodeURIComponent(user)}${more}`, body)
      } catch (error) {
        if (!(error instanceof Passing) || tries === TRIES || closing.signal.aborted) throw error
        await pause(PAUSE_MS * 3 ** (tries - 1))
      }
    }
  }

  return {
    putList: async (user, list) => {
      await ask('PUT', user, '', writeList(user, list))
    },
    readList: async (user) => {
      const text = await ask('GET', user, '')
      return text === undefined ? undefined : readList(text)
    },
    applyChanges: async (user, epoch, deltas) => {
      await ask('PUT', user, '/changes', writeChanges(user, epoch, deltas))
    },
    close: () => closing.abort(),
  }
}
