import type { Client, RequestOptions } from './client.ts'
import type { Heard } from './heard.ts'

/** Documents and PUBLISH requests of ordinary phones. */

const NAMESPACES = 'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:op="urn:oma:xml:prs:pidf:oma-pres" xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid"'

export const tuple = (basic: string, more = '', id = 't1'): string => `<tuple id="${id}"><status><basic>${basic}</basic></status>${more}</tuple>`

/** `content` are the person's children. */
export const person = (content: string, id = 'p1'): string => `<dm:person id="${id}">${content}</dm:person>`

/** Activities by name; `other=text` for the free one. */
export const doing = (...names: readonly string[]): string =>
  person(`<rpid:activities>${names.map((name) => (name.startsWith('other=') ? `<rpid:other>${name.slice('other='.length)}</rpid:other>` : `<rpid:${name}/>`)).join('')}</rpid:activities>`)

export const presenceOf = (user: string, ...parts: readonly string[]): string => `<?xml version="1.0" encoding="UTF-8"?><presence ${NAMESPACES} entity="${user === '' ? '' : `sip:${user}`}">${parts.join('')}</presence>`

/** A phone as RFC 3903 has it: it takes the tag of each answer along. */
export class Phone {
  readonly client: Client
  tag: string | undefined

  constructor(client: Client) {
    this.client = client
  }

  /** One PUBLISH, whatever is in it; a tag in the answer is the one to go on with. */
  async sends(options: RequestOptions = {}): Promise<Heard> {
    const body = options.body ?? ''
    const answer = await this.client.sends('PUBLISH', {
      epid: undefined, contact: undefined, ...options,
      headers: { Event: 'presence', Expires: '600', ...(body === '' ? {} : { 'Content-Type': 'application/pidf+xml' }), 'SIP-If-Match': this.tag, ...options.headers },
    })
    if (answer.status === 200) this.tag = answer.header('SIP-ETag')
    return answer
  }

  publishes(...parts: readonly string[]): Promise<Heard> {
    return this.sends({ body: presenceOf(this.client.user, ...parts) })
  }

  refreshes(): Promise<Heard> {
    return this.sends()
  }

  async removes(): Promise<Heard> {
    const answer = await this.sends({ headers: { Expires: '0' } })
    this.tag = undefined
    return answer
  }
}
