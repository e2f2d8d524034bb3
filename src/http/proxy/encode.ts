import type { NotifyInstruction } from '../../core/model/dialog.ts'
import type { SipReply } from '../../core/sip/reply.ts'

/** Writes an answer in the dialect of one kind of proxy (contract version 1). `tid` names the transaction at the proxy. */
export type EncodeAnswer = (tid: string, reply: SipReply, notify: readonly NotifyInstruction[]) => string

const writeHeaders = (headers: SipReply['headers']): string => headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')

/**
 * Kamailio: one ready JSON-RPC call that its cfg executes as it stands. The order of keys is part of the contract: the cfg checks the fixed beginning,
 * so that an answer can never run another command.
 */
const encodeKamailio: EncodeAnswer = (tid, reply, notify) =>
  `{"reply":{"jsonrpc":"2.0","id":1,"method":"tm.reply","params":[${reply.status},${JSON.stringify(reply.reason)},${JSON.stringify(tid)},${JSON.stringify(reply.toTag)},` +
  `${JSON.stringify(writeHeaders(reply.headers))},${JSON.stringify(reply.body)}]},"notify":${JSON.stringify(notify)}}`

/** Any other proxy: the answer as plain data. */
const encodePlain: EncodeAnswer = (tid, reply, notify) =>
  JSON.stringify({ reply: { tid, code: reply.status, reason: reply.reason, toTag: reply.toTag, headers: writeHeaders(reply.headers), body: reply.body }, notify })

/** The request is not for this server: the proxy relays it itself. The same in every dialect, and as it stands: proxies may compare it as text. */
export const relayAnswer = '{"relay":true}'

/** Proxy kind to dialect; a new kind of proxy is one more row and its delivery client. */
export const encoders = { kamailio: encodeKamailio, plain: encodePlain } as const
