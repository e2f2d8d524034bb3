import { entityTagOf, isSuppressed } from '../core/notifications/entity-tag.ts'
import { writeInstruction, type Notice } from '../core/notifications/instruction.ts'
import { shownExpires, type Dialog } from '../core/model/dialog.ts'
import type { SipRequest } from '../core/sip/request.ts'
import { negotiate, piggybackHeaders, plainHeaders, type Negotiated } from '../core/subscriptions/lifetime.ts'
import type { Answer } from './deps.ts'

/**
 * The 200 to a SUBSCRIBE: with the data in it where piggyback was negotiated, else followed by a NOTIFY of its own (RFC 6665 4.2.1.2).
 * A poll, whose dialog is already over, ends with that. One that is `pending` has no data.
 */
export const answerWithData = (request: SipRequest, dialog: Dialog, body: Notice['body'], now: number, negotiated: Negotiated = negotiate(request), pending = false): Answer => {
  const base = { status: 200, reason: 'OK', toTag: dialog.localTag }
  if (negotiated.piggyback) return { reply: { ...base, headers: piggybackHeaders(dialog, negotiated, body?.type, now, pending), body: body?.text ?? '' }, notify: [], touched: [] }
  const notice: Notice = dialog.expiresAt <= now ? { body, terminated: 'timeout' } : pending ? { body, pending } : { body }
  return { reply: { ...base, headers: plainHeaders(dialog, negotiated, now), body: '' }, notify: [writeInstruction(dialog, notice, now)], touched: [] }
}

/**
 * The answer to a SUBSCRIBE of an ordinary phone (RFC 6665 4.2.1.2): a NOTIFY with all that it may see follows, also where it only asks or goes. When it says what it has, and nothing
 * has changed, 204 spares it that inside a dialog, and a NOTIFY without a document outside of one (RFC 5839 6.3).
 */
export const answerPhone = (request: SipRequest, dialog: Dialog, notice: Notice, now: number): Answer => {
  const headers = [['Contact', `<${dialog.contact}>`], ['Expires', String(shownExpires(dialog, now))]] as const
  const isKnown = notice.body !== undefined && isSuppressed(request.suppressIfMatch, notice.body.text)
  if (isKnown && request.toTag !== undefined) return { reply: { status: 204, reason: 'No Notification', toTag: dialog.localTag, headers: [...headers, ['SIP-ETag', entityTagOf(notice.body.text)]], body: '' }, notify: [], touched: [] }
  const ended: Notice = dialog.expiresAt <= now ? { body: notice.body, terminated: 'timeout' } : notice
  return { reply: { status: 200, reason: 'OK', toTag: dialog.localTag, headers, body: '' }, notify: [writeInstruction(dialog, isKnown ? { ...ended, suppressed: true } : ended, now)], touched: [] }
}

/** The 200 to a cancel: Expires 0 and no body (4.4.4); clients without piggyback also get the final NOTIFY of RFC 6665. */
export const answerCancel = (dialog: Dialog, { piggyback }: Negotiated, now: number): Answer => {
  const ended = { ...dialog, cseq: dialog.cseq + 1, expiresAt: now }
  const headers = [['Contact', `<${dialog.contact}>`], ['Expires', '0']] as const
  const notify = piggyback || dialog.benotify ? [] : [writeInstruction(ended, { body: undefined, terminated: 'timeout' }, now)]
  return { reply: { status: 200, reason: 'OK', toTag: dialog.localTag, headers, body: '' }, notify, touched: [] }
}
