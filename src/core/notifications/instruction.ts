import { endings } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { needsEventlist, shownExpires, type Dialog, type EndReason, type NotifyInstruction } from '../model/dialog.ts'
import { writeEndingDiagnostics } from '../sip/reply.ts'

/** What a notification says, before it is addressed to a dialog. */
export interface Notice {
  readonly body: { readonly type: string; readonly text: string } | undefined
  /** Writes the body where it tells the number of the notification that carries it. */
  readonly bodyOf?: (cseq: number) => Notice['body']
  /** The end of the subscription with its RFC 6665 reason; undefined while it goes on. */
  readonly terminated?: EndReason
  /** The subscription waits for somebody's leave (RFC 6665 4.1.3). */
  readonly pending?: true
}

// As the examples of enhanced presence have it; phones get it as RFC 6665 has it, because one was seen to find it in no other spelling.
const stateHeader = ({ kind }: Dialog): string => (kind === 'pidf' || kind === 'list' || kind === 'winfo' ? 'Subscription-State' : 'subscription-state')

// Old clients look for expires=0 and an Expires header of its own, RFC 6665 ones for the reason; the end of a list that has moved has a code in place of that (MS-PRES 4.14.2).
const writeEnd = (reason: EndReason): string =>
  reason === 'migrated' ? `terminated;expires=0\r\nExpires: 0\r\n${writeEndingDiagnostics(endings.migrated).join(': ')}\r\n` : `terminated;expires=0;reason=${reason}\r\nExpires: 0\r\n`

/**
 * Addresses a notice to a dialog: NOTIFY, or BENOTIFY where that was negotiated (MS-SIP 3.5). `dialog.cseq` must already be the
 * number that this notification carries.
 */
export const writeInstruction = (dialog: Dialog, notice: Notice, now: Instant): NotifyInstruction => {
  const body = notice.bodyOf === undefined ? notice.body : notice.bodyOf(dialog.cseq)
  const method = dialog.benotify ? 'BENOTIFY' : 'NOTIFY'
  let h = `From: ${dialog.localText}\r\nTo: ${dialog.remoteText}\r\nCall-ID: ${dialog.callId}\r\nCSeq: ${dialog.cseq} ${method}\r\n`
  // A BENOTIFY is never answered and opens nothing, so that it needs no Contact.
  if (!dialog.benotify) h += `Contact: <${dialog.contact}>\r\n`
  for (const route of dialog.routes) h += `Route: ${route}\r\n`
  h += `${needsEventlist(dialog) ? 'Require: eventlist\r\n' : ''}Event: ${dialog.event}\r\n`
  h += `${stateHeader(dialog)}: ${notice.terminated === undefined ? `${notice.pending === true ? 'pending' : 'active'};expires=${shownExpires(dialog, now)}\r\n` : writeEnd(notice.terminated)}`
  if (body !== undefined) h += `Content-Type: ${body.type}\r\n`
  return { m: method, ruri: dialog.target, flow: dialog.flow, h, b: body?.text ?? '' }
}
