import { XMLParser } from 'fast-xml-parser'
import type { Result } from '../../src/core/base/result.ts'
import type { ContainerMember } from '../../src/core/model/container.ts'
import type { Change } from '../../src/core/model/change.ts'
import { noDelegates } from '../../src/core/model/delegate.ts'
import type { Dialog } from '../../src/core/model/dialog.ts'
import type { Endpoint } from '../../src/core/model/endpoint.ts'
import { instanceKeyText, type CategoryInstance } from '../../src/core/model/publication.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { parseSipMessage } from '../../src/core/sip/message.ts'
import { readSipRequest, type SipRequest } from '../../src/core/sip/request.ts'
import type { XmlElement } from '../../src/core/xml/element.ts'

export const anna = 'anna@nordwind.example'
export const boris = 'boris@nordwind.example'
export const clara = 'clara@suedwind.example'
/** The one "now" of these tests; nothing here reads a clock. */
export const now = Date.UTC(2031, 2, 4, 9, 30, 15, 250)

export const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')

/** The value of a result that must be one. */
export const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(`refused: ${result.failure.name} ${result.failure.detail ?? ''}`)
  return result.value
}

/** The name of the refusal, or 'ok'. */
export const verdict = (result: Result<unknown>): string => (result.ok ? 'ok' : result.failure.name)

/** What XML says apart from how it is written: expanded names, sorted attributes, text joined, children in order. */
export interface Infoset {
  readonly name: string
  readonly attributes: readonly string[]
  readonly text: string
  readonly children: readonly Infoset[]
}

const expanded = (namespace: string, local: string): string => `{${namespace}}${local}`

export const infosetOf = (element: XmlElement): Infoset => ({
  name: expanded(element.namespace, element.local),
  attributes: element.attributes.map(({ namespace, local, value }) => `${expanded(namespace, local)}=${value}`).sort(),
  text: element.text,
  children: element.children.map(infosetOf),
})

type Ordered = Readonly<Record<string, unknown>>

const reader = new XMLParser({
  preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '', trimValues: false, parseTagValue: false, parseAttributeValue: false,
  processEntities: true, htmlEntities: true, ignoreDeclaration: true,
})

const ofOrdered = (node: Ordered, inherited: ReadonlyMap<string, string>): Infoset => {
  const tag = Object.keys(node).find((key) => key !== ':@') ?? ''
  const written = Object.entries((node[':@'] ?? {}) as Record<string, string>)
  const scope = new Map(inherited)
  for (const [name, uri] of written) {
    if (name === 'xmlns') scope.set('', uri)
    else if (name.startsWith('xmlns:')) scope.set(name.slice(6), uri)
  }
  const resolve = (name: string, isAttribute: boolean): string => {
    const [prefix = '', local] = name.split(':')
    return local === undefined ? expanded(isAttribute ? '' : scope.get('') ?? '', prefix) : expanded(scope.get(prefix) ?? '?', local)
  }
  const content = node[tag] as readonly Ordered[]
  return {
    name: resolve(tag, false),
    attributes: written.filter(([name]) => !/^xmlns(:|$)/.test(name)).map(([name, value]) => `${resolve(name, true)}=${value}`).sort(),
    text: content.map((child) => (child['#text'] as string | undefined) ?? '').join(''),
    children: content.filter((child) => child['#text'] === undefined).map((child) => ofOrdered(child, scope)),
  }
}

/** The same infoset by another library, so that our writers are not judged by our own reader. */
export const readIndependently = (text: string): Infoset => {
  const roots = (reader.parse(text) as readonly Ordered[]).filter((node) => node['#text'] === undefined)
  if (roots.length !== 1 || roots[0] === undefined) throw new Error(`${roots.length} root elements`)
  return ofOrdered(roots[0], new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]))
}

/** An infoset without the blanks that pretty printing put between elements. */
export const compact = (node: Infoset): Infoset => ({ ...node, text: node.text.trim() === '' ? '' : node.text, children: node.children.map(compact) })

/** Two documents as comparable values: what was written, and what was expected. */
export const documents = (actual: string, wanted: string): readonly [Infoset, Infoset] => [compact(readIndependently(actual)), compact(readIndependently(wanted))]

export const instance = (over: Partial<CategoryInstance> = {}): CategoryInstance => ({
  category: 'note', container: 200, instance: 0, instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined,
  publishTime: now - 60_000, payload: '<note xmlns="urn:n">hi</note>', ...over,
})

export const endpoint = (over: Partial<Endpoint> = {}): Endpoint => ({
  endpointId: '4b1682a8-f968-5701-83fc-7c6741dc6697', instanceId: '4B1682A8-F968-5701-83FC-7C6741DC6697', epid: '01010101', proxy: 'edge', flow: 'f1',
  contact: 'sip:anna@192.0.2.7:5060', callId: 'reg-1', cseq: 1, registeredAt: now - 1000, expiresAt: now + 3_600_000, ...over,
})

export const state = (over: Partial<PublisherState> = {}): PublisherState => ({ publisher: anna, revision: 1, instances: [], containers: [], endpoints: [], subscribers: [], delegates: noDelegates, ...over })

export const member = (type: ContainerMember['type'], value = ''): ContainerMember => ({ type, value })

export const dialog = (over: Partial<Dialog> = {}): Dialog => ({
  subscriber: boris, localTag: 'srv1', remoteTag: 'cli1', callId: 'call-1', kind: 'batch', event: 'presence', endpointId: undefined, network: 'sameEnterprise', networkNamed: false,
  localText: '<sip:boris@nordwind.example>;tag=srv1', remoteText: '"Boris" <sip:boris@nordwind.example>;tag=cli1;epid=01010101',
  target: 'sip:boris@192.0.2.9;transport=tcp', routes: [], proxy: 'edge', flow: 'f2', contact: 'sip:presence@pool.nordwind.example', benotify: true,
  cseq: 7, remoteCseq: 2, notifiedAt: now - 5000, scope: [], since: 0, createdAt: now - 5000, expiresAt: now + 600_000, extendMs: 0, sender: 'here', rlmiVersion: 0, ucs: false, ...over,
})

/** Headers that every request needs, as lines; `over` replaces one by name, or drops it where the value is empty. */
export const sipLines = (method: string, over: Readonly<Record<string, string>> = {}, more: readonly string[] = []): readonly string[] => {
  const headers: Record<string, string> = {
    Via: 'SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKx', From: '<sip:boris@nordwind.example>;tag=cli1;epid=01010101', To: '<sip:boris@nordwind.example>',
    'Call-ID': 'call-1', CSeq: `2 ${method}`, Contact: '<sip:boris@192.0.2.9;transport=tcp>', ...over,
  }
  return [`${method} sip:boris@nordwind.example SIP/2.0`, ...Object.entries(headers).filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}`), ...more]
}

export const sipBytes = (lines: readonly string[], body = ''): Buffer => bytes(`${lines.join('\r\n')}\r\n\r\n${body}`)

export const request = (method: string, over: Readonly<Record<string, string>> = {}, more: readonly string[] = []): SipRequest =>
  must(readSipRequest(must(parseSipMessage(sipBytes(sipLines(method, over, more))))))

/** What a store would hold after the changes of a decision. */
export const applyChanges = (before: PublisherState, changes: readonly Change[]): PublisherState => {
  const instances = new Map(before.instances.map((one) => [instanceKeyText(one), one]))
  const containers = new Map(before.containers.map((one) => [one.id, one]))
  const endpoints = new Map(before.endpoints.map((one) => [one.endpointId, one]))
  const subscribers = new Map(before.subscribers.map((one) => [one.user, one]))
  let { delegates } = before
  for (const change of changes) {
    if (change.kind === 'putInstance') instances.set(instanceKeyText(change.instance), change.instance)
    else if (change.kind === 'deleteInstance') instances.delete(instanceKeyText(change.key))
    else if (change.kind === 'putEndpoint') endpoints.set(change.endpoint.endpointId, change.endpoint)
    else if (change.kind === 'deleteEndpoint') endpoints.delete(change.endpointId)
    else if (change.kind === 'putSubscriber') subscribers.set(change.entry.user, change.entry)
    else if (change.kind === 'deleteSubscriber') subscribers.delete(change.user)
    else if (change.kind === 'putDelegates') {
      const rest = delegates.members.filter(({ user }) => !change.removed.includes(user) && !change.put.some((one) => one.user === user))
      delegates = { version: change.version, members: [...rest, ...change.put] }
    }
    else if (change.kind === 'putContainer') {
      const gone = new Set(change.removed.map(({ type, value }) => `${type} ${value}`))
      const kept = (containers.get(change.id)?.members ?? []).filter(({ type, value }) => !gone.has(`${type} ${value}`))
      containers.set(change.id, { id: change.id, membersVersion: change.membersVersion, members: [...kept, ...change.added] })
    }
  }
  return { ...before, instances: [...instances.values()], containers: [...containers.values()], endpoints: [...endpoints.values()], subscribers: [...subscribers.values()], delegates }
}
