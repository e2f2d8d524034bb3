import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** What makes two requests the same one (design: Call-ID, CSeq and From tag). */
export interface RequestKey {
  readonly publisher: UserKey
  readonly callId: string
  readonly cseq: number
  readonly fromTag: string
}

const FIND = statement('answered-find', 'SELECT to_tag FROM answered WHERE publisher = $1 AND call_id = $2 AND cseq = $3 AND from_tag = $4')

/** The tag of the answer that this very request got before, if it was carried out. */
export const findAnswered = async (session: Session, { publisher, callId, cseq, fromTag }: RequestKey): Promise<string | undefined> =>
  (await session.send<{ to_tag: string }>(FIND, [publisher, callId, cseq, fromTag]))[0]?.to_tag

const PUT = statement('answered-put', 'INSERT INTO answered (publisher, call_id, cseq, from_tag, to_tag, at) VALUES ($1, $2, $3, $4, $5, $6)')

export const putAnswered = (tx: Transaction, { publisher, callId, cseq, fromTag }: RequestKey, toTag: string, now: number): Promise<unknown> =>
  tx.send(PUT, [publisher, callId, cseq, fromTag, toTag, now])

const FORGET = statement('answered-forget', 'DELETE FROM answered WHERE at < $1')

/** Forgets answers that no retransmission can ask for any more. */
export const forgetAnswered = (session: Session, before: number): Promise<unknown> => session.send(FORGET, [before])
