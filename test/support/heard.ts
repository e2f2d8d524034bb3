import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import type { SipReply } from '../../src/core/sip/reply.ts'
import { checkEmitted, type Infoset } from './infoset.ts'

/** What a client reads in an answer or a notification. */
export interface Heard {
  /** Status of an answer; 0 for a notification. */
  readonly status: number
  /** NOTIFY or BENOTIFY; '' for an answer. */
  readonly method: string
  readonly ruri: string
  readonly toTag: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly header: (name: string) => string | undefined
  /** The XML documents of the body, checked by two parsers: one, or the parts of a multipart. */
  readonly documents: readonly Infoset[]
  /** The documents in a line an entry, see `tell`. */
  readonly says: readonly string[]
}

/** One part of a multipart body. */
export interface Part {
  readonly headers: readonly string[]
  readonly text: string
}

/** Cuts a multipart body the way old clients do: every part ends with an empty line before its boundary. Throws on any other form. */
export const cutParts = (contentType: string, body: string): readonly Part[] => {
  const boundary = /;\s*boundary=([^;]+)$/.exec(contentType)?.[1]
  if (boundary === undefined) throw new Error(`the boundary is not the last parameter of ${contentType}`)
  const pieces = body.split(`--${boundary}`)
  if (pieces[0] !== '' || pieces.at(-1) !== '--\r\n') throw new Error(`the body does not start and end with its boundary: ${body}`)
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n')
    if (!piece.startsWith('\r\n') || end < 0 || !piece.endsWith('\r\n\r\n')) throw new Error(`a part is not closed by an empty line: ${piece}`)
    return { headers: piece.slice(2, end).split('\r\n'), text: piece.slice(end + 4, -4) }
  })
}

const local = (infoset: Infoset): string => infoset.name.replace(/^\{[^}]*\}/, '')

const textOf = (infoset: Infoset): string => infoset.text + infoset.children.map(textOf).join('')

const tellCategory = ({ attributes, children }: Infoset): string => {
  const { name, instance, container, version, expireType, endpointId, expires } = attributes
  const place = container === undefined ? '' : ` in ${container}`
  if (instance === undefined) return `${name}${place} (none)`
  const life = expireType === undefined ? '' : ` v${version} ${expireType}${endpointId === undefined ? '' : ` of ${endpointId}`}${expires === undefined ? '' : ` ${expires}s`}`
  return `${name}#${instance}${place}${life} "${children.map(textOf).join('')}"`
}

const tellSubscriber = ({ attributes, children }: Infoset): string =>
  `subscriber ${attributes['user']} "${attributes['displayName']}" ${attributes['type']}${attributes['acknowledged'] === 'true' ? ' acknowledged' : ''}${children.length > 0 ? ' with context' : ''}`

const tellDelegate = ({ attributes: { uri, publish, redelegate } }: Infoset): string => `${uri}${publish === 'true' ? ' publish' : ''}${redelegate === 'true' ? ' redelegate' : ''}`

const tellOfList = (infoset: Infoset): string => {
  const { id, name, uri, groups, subscribed } = infoset.attributes
  return `${local(infoset)} ${id ?? uri}${name === undefined ? '' : ` "${name}"`}${groups === undefined ? '' : ` in ${groups}`}${subscribed === 'false' ? ' not subscribed' : ''}${infoset.children.length > 0 ? ' with extension' : ''}`
}

/**
 * A document in a line an entry: `note#0 "text"` or `note (none)` as watchers see it, `note#0 in 300 v1 static "text"` as the publisher does,
 * `container 300 v1: user boris@...`, `rejected sip:... resubscribe`, `subscriber boris@... "boris" sameEnterprise`, `delegates v1: boris@... publish`;
 * contact lists begin with their number: `list 5`, `5 to 6`.
 */
export const tell = (infoset: Infoset): readonly string[] => {
  switch (local(infoset)) {
    case 'roamingData': return infoset.children.flatMap(tell)
    case 'categories': return infoset.children.map(tellCategory)
    case 'containers': return infoset.children.map(({ attributes, children }) =>
      `container ${attributes['id']} v${attributes['version']}: ${children.map((member) => `${member.attributes['type']}${member.attributes['value'] === undefined ? '' : ` ${member.attributes['value']}`}`).join(', ')}`.trim())
    case 'list': return infoset.children.map(({ attributes, children }) => `rejected ${attributes['uri']} ${children[0]?.attributes['state']}`)
    case 'Fault': return infoset.children.flatMap((child) => (local(child) === 'details' ? child.children.map(({ attributes, children }) => `stale ${attributes['index']}: ${attributes['version']}, is ${attributes['curVersion']} "${children.map(textOf).join('')}"`) : []))
    case 'subscribers': return infoset.children.length === 0 ? ['subscribers: 0'] : infoset.children.map(tellSubscriber)
    case 'delegates': return [`delegates v${infoset.attributes['version']}: ${infoset.children.length === 0 ? '0' : infoset.children.map(tellDelegate).join(', ')}`]
    case 'contactList': return [`list ${infoset.attributes['deltaNum']}`, ...infoset.children.map(tellOfList)]
    case 'contactDelta': return [`${infoset.attributes['prevDeltaNum']} to ${infoset.attributes['deltaNum']}`, ...infoset.children.map(tellOfList)]
    case 'ACLlist': return [`acl ${infoset.attributes['deltaNum']}`, ...infoset.children.flatMap(({ children }) => children.map(({ attributes: { type, mask, rights } }) => `${type}${mask === '' ? '' : ` ${mask}`} ${rights}`))]
    case 'watchers': return infoset.children.length === 0 ? ['nobody waits'] : infoset.children.map(({ attributes }) => `${attributes['uri']} "${attributes['displayName']}" waits`)
    case 'watcherinfo': return [`v${infoset.attributes['version']} ${infoset.attributes['state']}`, ...infoset.children.flatMap(({ children }) => children.map((watcher) => `${textOf(watcher)}${watcher.attributes['display-name'] === undefined ? '' : ` "${watcher.attributes['display-name']}"`} ${watcher.attributes['status']} ${watcher.attributes['event']}`))]
    case 'provisionGroupList': return infoset.children.map((group) => `group ${group.attributes['name']}: ${group.children.map((child) => `${local(child)}=${textOf(child)}`).join(', ')}`)
    case 'Envelope': return infoset.children.flatMap((part) => part.children.map((action) => `${local(action)}: ${action.children.map((child) => `${local(child)}=${textOf(child)}`).join(', ')}`))
    default: return [`${local(infoset)}${infoset.attributes['version'] === undefined ? '' : ` v${infoset.attributes['version']}`}: ${infoset.children.length}`]
  }
}

const read = (headers: Heard['headers'], body: string): Pick<Heard, 'headers' | 'body' | 'header' | 'documents' | 'says'> => {
  const header = (name: string): string | undefined => headers.find(([candidate]) => candidate.toLowerCase() === name.toLowerCase())?.[1]
  const type = header('Content-Type') ?? ''
  if ((body === '') !== (type === '')) throw new Error(`Content-Type "${type}" with a body of ${body.length} characters`)
  const texts = body === '' ? [] : type.startsWith('multipart/') ? cutParts(type, body).map(({ text }) => text) : [body]
  const documents = texts.map(checkEmitted)
  return { headers, body, header, documents, says: documents.flatMap(tell) }
}

/** Reads an answer. */
export const hearReply = (reply: SipReply): Heard => {
  for (const [name, value] of reply.headers) if (/[\r\n]/.test(name + value)) throw new Error(`line break in header ${name}`)
  return { status: reply.status, method: '', ruri: '', toTag: reply.toTag, ...read(reply.headers, reply.body) }
}

/** Reads a notification; throws when its header block is not one. */
export const hear = ({ m, ruri, h, b }: NotifyInstruction): Heard => {
  if (!h.endsWith('\r\n')) throw new Error('the header block does not end with a line break')
  const headers = h.slice(0, -2).split('\r\n').map((line) => {
    const colon = line.indexOf(': ')
    if (colon < 1) throw new Error(`"${line}" is not a header line`)
    return [line.slice(0, colon), line.slice(colon + 2)] as const
  })
  return { status: 0, method: m, ruri, toTag: '', ...read(headers, b) }
}
