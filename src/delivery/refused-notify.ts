import type { NotifyInstruction } from '../core/model/dialog.ts'
import { parseNameAddress, readSeconds } from '../core/sip/header-values.ts'
import { userKey, type UserKey } from '../core/sip/uri.ts'

/** A NOTIFY that was answered with a failure, or not at all (408). */
export interface RefusedNotify {
  readonly code: number
  readonly subscriber: UserKey
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly cseq: number | undefined
  /** Seconds of its Retry-After, where it had one. */
  readonly retryAfter: number | undefined
}

/** The value of a header in a block of them. */
export const headerOf = (headers: string, name: string): string | undefined => new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*\\r?$`, 'im').exec(headers)?.[1]

/** The dialog of a notification that failed, out of the headers we wrote; undefined for headers that are not ours. */
export const readRefused = ({ h }: NotifyInstruction, code: number, retryAfter?: number): RefusedNotify | undefined => {
  const [from, to] = [parseNameAddress(headerOf(h, 'From') ?? ''), parseNameAddress(headerOf(h, 'To') ?? '')]
  const [localTag, remoteTag] = [from, to].map((address) => (address.ok ? address.value.params.get('tag') : undefined))
  const callId = headerOf(h, 'Call-ID')
  if (!to.ok || localTag === undefined || remoteTag === undefined || callId === undefined) return undefined
  return { code, subscriber: userKey(to.value.uri), callId, localTag, remoteTag, cseq: readSeconds(headerOf(h, 'CSeq')?.split(' ', 1)[0] ?? ''), retryAfter }
}
