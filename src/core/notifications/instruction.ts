import { endings } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { needsEventlist, shownExpires, type Dialog, type EndReason, type NotifyInstruction } from '../model/dialog.ts'
import { keptEventHeader, writeEventHeader } from '../sip/event-header.ts'
import { writeEndingDiagnostics } from '../sip/reply.ts'
import { entityTagOf } from './entity-tag.ts'

/** What a notification says, before it is addressed to a dialog. */
export interface Notice {
  readonly body: { readonly type: string; readonly text: string } | undefined
  /** Writes the body where it tells the number of the notification that carries it. */
  readonly bodyOf?: (cseq: number) => Notice['body']
  /** The watcher has the document already, which is not sent again (RFC 5839 5.2). */
  readonly suppressed?: true
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

/** As RFC 6665 4.1.3 and 8.2.3 have it, for ordinary phones: nothing but a reason at the end; the rate that was asked for is confirmed (RFC 6446 5.2). */
const writePlainState = ({ terminated, pending }: Notice, maxRate: string | undefined, left: number): string =>
  `${terminated === undefined ? `${pending === true ? 'pending' : 'active'};expires=${left}${maxRate === undefined ? '' : `;max-rate=${maxRate}`}` : `terminated;reason=${terminated}`}\r\n`

const writeState = (notice: Notice, left: number): string =>
  notice.terminated === undefined ? `${notice.pending === true ? 'pending' : 'active'};expires=${left}\r\n` : writeEnd(notice.terminated)

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
  const event = keptEventHeader(dialog.event)
  h += `${needsEventlist(dialog) ? 'Require: eventlist\r\n' : ''}Event: ${writeEventHeader(event)}\r\n`
  const isPlain = dialog.kind === 'pidf'
  const left = shownExpires(dialog, now)
  h += `${stateHeader(dialog)}: ${isPlain ? writePlainState(notice, event.maxRate, left) : writeState(notice, left)}`
  if (body === undefined) return { m: method, ruri: dialog.target, flow: dialog.flow, h, b: '' }
  if (isPlain) h += `SIP-ETag: ${entityTagOf(body.text)}\r\n`
  if (notice.suppressed === true) return { m: method, ruri: dialog.target, flow: dialog.flow, h, b: '' }
  return { m: method, ruri: dialog.target, flow: dialog.flow, h: `${h}Content-Type: ${body.type}\r\n`, b: body.text }
}
