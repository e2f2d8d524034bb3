import { failureEntry, type Failure } from '../base/failure.ts'

/** A SIP answer, neutral of any proxy; the proxy adds Via, From, To, Call-ID, CSeq and Content-Length. */
export interface SipReply {
  readonly status: number
  readonly reason: string
  readonly toTag: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** Who speaks in ms-diagnostics, and the id under which the log knows the request. */
export interface ReplySource {
  readonly server: string
  readonly requestId: string
}

// Header values end up on the wire: a quote or a line break in them must not become syntax.
const quotable = (text: string): string => text.replace(/[\\"]/g, "'").replace(/[^\x20-\x7e]/g, '?').slice(0, 200)

/** The header by which a notification says why its subscription ends. Only such reasons are written here that may cross federation: they name no server. */
export const writeEndingDiagnostics = ({ id, reason }: { readonly id: number; readonly reason: string; readonly public: true }): readonly [string, string] => ['ms-diagnostics-public', `${id};reason="${quotable(reason)}"`]

/** A refusal as SIP answer: status from the catalogue, ms-diagnostics with the reason, the detail and the request id (MS-OCER 2.2.1). */
export const writeRefusal = (refused: Failure, toTag: string, source: ReplySource): SipReply => {
  const entry = failureEntry(refused.name)
  const headers: (readonly [string, string])[] = [...(refused.headers ?? [])]
  const code = entry.diagnostics
  // Refusals without a code of their own carry 4000, the default of user services, so that the sentence still arrives.
  const name = code?.public === true ? 'ms-diagnostics-public' : 'ms-diagnostics'
  const origin = code?.public === true ? '' : `;source="${quotable(source.server)}"`
  const detail = refused.detail === undefined ? '' : `;detail="${quotable(refused.detail)}"`
  headers.push([name, `${code?.id ?? 4000};reason="${quotable(code?.reason ?? entry.sentence)}"${origin}${detail};request="${quotable(source.requestId)}"`])
  if (refused.body !== undefined) headers.push(['Content-Type', refused.body.type])
  return { status: entry.status, reason: entry.reason, toTag, headers, body: refused.body?.text ?? '' }
}
