import type { SipReply } from '../core/sip/reply.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** What makes two requests the same one (design: Call-ID, CSeq and From tag). */
export interface RequestKey {
  readonly publisher: UserKey
  readonly callId: string
  readonly cseq: number
  readonly fromTag: string
}

const FIND = statement('answered-find', 'SELECT reply FROM answered WHERE publisher = $1 AND call_id = $2 AND cseq = $3 AND from_tag = $4')

/** The answer that this very request got before, if it was carried out. */
export const findAnswered = async (session: Session, { publisher, callId, cseq, fromTag }: RequestKey): Promise<SipReply | undefined> => {
  const [row] = await session.send<{ reply: string }>(FIND, [publisher, callId, cseq, fromTag])
  return row === undefined ? undefined : (JSON.parse(row.reply) as SipReply)
}

const PUT = statement('answered-put', 'INSERT INTO answered (publisher, call_id, cseq, from_tag, reply, at) VALUES ($1, $2, $3, $4, $5, $6)')

export const putAnswered = (tx: Transaction, { publisher, callId, cseq, fromTag }: RequestKey, reply: SipReply, now: number): Promise<unknown> =>
  tx.send(PUT, [publisher, callId, cseq, fromTag, JSON.stringify(reply), now])

const FORGET = statement('answered-forget', 'DELETE FROM answered WHERE at < $1')

/** Forgets answers that no retransmission can ask for any more. */
export const forgetAnswered = (session: Session, before: number): Promise<unknown> => session.send(FORGET, [before])
