/** SIP requests as a client writes them, and a reader of what it gets back. */

interface Head {
  readonly method: string
  readonly user: string
  readonly epid: string
  readonly callId: string
  readonly cseq: number
  readonly toTag?: string | undefined
  readonly headers?: readonly string[]
  readonly body?: string
}

const write = ({ method, user, epid, callId, cseq, toTag, headers = [], body = '' }: Head): string => [
  `${method} sip:${user} SIP/2.0`, 'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKx', 'Max-Forwards: 70',
  `From: <sip:${user}>;tag=from-${epid};epid=${epid}`, `To: <sip:${user}>${toTag === undefined ? '' : `;tag=${toTag}`}`,
  `Call-ID: ${callId}`, `CSeq: ${cseq} ${method}`, `Contact: <sip:${epid}@127.0.0.1:5062;transport=tcp>`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`,
].join('\r\n') + `\r\n\r\n${body}`

export const registerText = (user: string, epid: string, expires = 3_000_000): string =>
  write({ method: 'REGISTER', user, epid, callId: `reg-${epid}`, cseq: 1, headers: [`Expires: ${expires}`] })

export interface Published {
  readonly category?: string
  readonly container?: number
  readonly instance?: number
  readonly version: number
  readonly data: string
  /** The element, where it is not any one around the data. */
  readonly xml?: string
  /** Takes the instance back. */
  readonly gone?: boolean
}

export const publishText = (user: string, callId: string, cseq: number, publications: readonly Published[]): string => {
  const items = publications.map(({ category = 'note', container = 0, instance = 1, version, data, gone = false, xml = `<value xmlns="urn:nordwind">${data}</value>` }) =>
    `<publication categoryName="${category}" instance="${instance}" container="${container}" version="${version}" expireType="static"${gone ? ' expires="0"' : ''}>${xml}</publication>`)
  return write({
    method: 'SERVICE', user, epid: 'publisher', callId, cseq, headers: ['Content-Type: application/msrtc-category-publish+xml'],
    body: `<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence"><publications uri="sip:${user}">${items.join('')}</publications></publish>`,
  })
}

export interface Membership { readonly container: number; readonly version: number; readonly member: string; readonly remove?: boolean }

export const membersText = (user: string, callId: string, cseq: number, { container, version, member, remove = false }: Membership): string => write({
  method: 'SERVICE', user, epid: 'publisher', callId, cseq, headers: ['Content-Type: application/msrtc-setcontainermembers+xml'],
  body: `<setContainerMembers xmlns="http://schemas.microsoft.com/2006/09/sip/container-management"><container id="${container}" version="${version}"><member action="${remove ? 'remove' : 'add'}" type="user" value="${member}"/></container></setContainerMembers>`,
})

export interface Subscribing {
  readonly user: string
  readonly epid: string
  readonly callId: string
  readonly cseq: number
  readonly toTag?: string | undefined
  readonly expires?: number
  readonly publishers?: readonly string[]
  readonly categories?: readonly string[]
}

/** A batch SUBSCRIBE with piggyback; without publishers it is a mere refresh. */
export const subscribeText = ({ publishers = [], categories = ['note'], expires, ...head }: Subscribing): string => write({
  ...head, method: 'SUBSCRIBE',
  headers: [
    'Event: presence', 'Accept: application/msrtc-event-categories+xml, application/rlmi+xml, multipart/related', 'Supported: ms-piggyback-first-notify', 'Supported: ms-benotify', 'Proxy-Require: ms-benotify',
    'Require: adhoclist, categorylist', ...(expires === undefined ? [] : [`Expires: ${expires}`]), ...(publishers.length === 0 ? [] : ['Content-Type: application/msrtc-adrl-categorylist+xml']),
  ],
  body: publishers.length === 0 ? '' : `<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:${head.user}"><action name="subscribe" id="1"><adhocList>${publishers.map((user) => `<resource uri="sip:${user}"/>`).join('')}</adhocList><categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">${categories.map((name) => `<category name="${name}"/>`).join('')}</categoryList></action></batchSub>`,
})

/** A SUBSCRIBE of an ordinary phone with a list of users, in its dialog perhaps (RFC 5367); without users a mere refresh. */
export const resourceListText = ({ publishers = [], expires, ...head }: Omit<Subscribing, 'categories'>): string => write({
  ...head, method: 'SUBSCRIBE',
  headers: [
    'Event: presence', 'Accept: application/pidf+xml, application/rlmi+xml, multipart/related', 'Supported: eventlist', ...(expires === undefined ? [] : [`Expires: ${expires}`]),
    ...(publishers.length === 0 ? [] : ['Require: recipient-list-subscribe', 'Content-Type: application/resource-lists+xml']),
  ],
  body: publishers.length === 0 ? '' : `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${publishers.map((user) => `<entry uri="sip:${user}"/>`).join('')}</list></resource-lists>`,
})

export const selfSubscribeText = (user: string, epid: string, callId: string, cseq: number): string => write({
  method: 'SUBSCRIBE', user, epid, callId, cseq,
  headers: ['Event: vnd-microsoft-roaming-self', 'Accept: application/vnd-microsoft-roaming-self+xml', 'Supported: ms-piggyback-first-notify', 'Supported: ms-benotify', 'Proxy-Require: ms-benotify', 'Content-Type: application/vnd-microsoft-roaming-self+xml'],
  body: '<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><roaming type="categories"/><roaming type="containers"/></roamingList>',
})

/** A SUBSCRIBE of a user to its watchers. */
export const watchersText = (user: string, epid: string, callId: string, cseq: number): string =>
  write({ method: 'SUBSCRIBE', user, epid, callId, cseq, headers: ['Event: presence.winfo', 'Accept: application/watcherinfo+xml', 'Supported: ms-piggyback-first-notify', 'Expires: 40000'] })

/** Category to what a document shows of it; a category that shows nothing is an empty element. */
export type Seen = ReadonlyMap<string, string>

/** Reads every categories document in a body, by publisher. A document shows each category that it names completely. */
export const readSeen = (body: string): ReadonlyMap<string, Seen> => {
  const found = new Map<string, Map<string, string>>()
  for (const [, publisher = '', content = ''] of body.matchAll(/<categories [^>]*uri="sip:([^"]+)">(.*?)<\/categories>/gs)) {
    const seen = new Map<string, string>()
    for (const piece of content.split(/(?=<category )/)) {
      const name = /^<category name="([^"]+)"/.exec(piece)?.[1]
      if (name !== undefined) seen.set(name, (seen.get(name) ?? '') + piece)
    }
    found.set(publisher, seen)
  }
  return found
}

export const versionsIn = (body: string): readonly number[] => [...body.matchAll(/ version="(\d+)"/g)].map(([, version]) => Number(version))
