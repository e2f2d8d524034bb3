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

const reversed = (text: string): string => [...text].reverse().join('')

/**
 * The transaction as OpenSIPS' MI names it, "index:label" in decimal. A script has only `$T_id` for it: label and index in hexadecimal with the lowest digit first,
 * with a dot between (tm, "$T_id"). Anything else goes through as it came.
 */
const transactionId = (tid: string): string => {
  const [, label, index] = /^([0-9a-f]{1,8})\.([0-9a-f]{1,8})$/i.exec(tid) ?? []
  return label === undefined || index === undefined ? tid : `${Number.parseInt(reversed(index), 16)}:${Number.parseInt(reversed(label), 16)}`
}

/**
 * OpenSIPS: the named parameters of its MI command `t_reply`, the only way for a script to answer with a To tag that is not its own (the json module reads them). What is
 * empty is left out, as the command wants it. Notifications are sent by the engine: in a script the command for them would wait for their answers.
 */
const encodeOpensips: EncodeAnswer = (tid, reply) => {
  const headers = writeHeaders(reply.headers)
  return JSON.stringify({
    reply: {
      code: reply.status, reason: reply.reason, trans_id: transactionId(tid), to_tag: reply.toTag,
      ...(headers === '' ? {} : { new_headers: headers }), ...(reply.body === '' ? {} : { body: reply.body }),
    },
  })
}

/** The request is not for this server: the proxy relays it itself. The same in every dialect, and as it stands: proxies may compare it as text. */
export const relayAnswer = '{"relay":true}'

/** Proxy kind to dialect; a new kind of proxy is one more row and its delivery client. */
export const encoders = { kamailio: encodeKamailio, opensips: encodeOpensips, plain: encodePlain } as const

/** Proxies that do not send the notifications behind an answer themselves: the engine hands them over as all others. */
export const leavesNotifications: Readonly<Record<keyof typeof encoders, boolean>> = { kamailio: false, opensips: true, plain: false }
