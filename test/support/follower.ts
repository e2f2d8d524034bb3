import type { Subscription } from './client.ts'
import type { Heard } from './heard.ts'
import type { Infoset } from './infoset.ts'

/** What clients keep of what they hear, dialog by dialog, the way clients of this family do it (companion facts of client behaviour). */

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')

/** What counts down by itself is no difference. */
const withoutCountdown = (infoset: Infoset): string => JSON.stringify({ ...infoset, attributes: { ...infoset.attributes, expires: undefined } })

/** Category to its instances, as a categories document for others has them. */
export const readView = (document: Infoset): ReadonlyMap<string, readonly string[]> => {
  const view = new Map<string, string[]>()
  for (const child of document.children) {
    const list = view.get(child.attributes['name'] ?? '') ?? []
    if (child.attributes['instance'] !== undefined) list.push(withoutCountdown(child))
    view.set(child.attributes['name'] ?? '', list)
  }
  return view
}

/** One dialog as its client follows it: who tells it something lower than before, or leaves a gap, is found out. */
export class Follower {
  readonly subscription: Subscription
  ended = false
  /** What was wrong with what came. */
  readonly faults: string[] = []
  private cseq = 0
  private full = false
  /** Publisher and category to instances. */
  readonly seen = new Map<string, readonly string[]>()
  /** Sections of a self subscription: place to content. */
  private readonly own = new Map<string, string>()
  private readonly list = new Map<string, string>()
  private deltaNum = 0
  private gap = false

  constructor(subscription: Subscription) {
    this.subscription = subscription
    this.answered(subscription.answer)
  }

  /** An answer to a SUBSCRIBE in this dialog: all data, or the word that it follows in a NOTIFY. */
  answered(answer: Heard): void {
    if (answer.status !== 200) {
      if (answer.status === 481) this.ended = true
      return
    }
    if (answer.body === '') this.full = answer.header('Expires') !== '0'
    else this.take(answer, Number(answer.header('ms-piggyback-cseq')), true)
  }

  heard(notification: Heard): void {
    const full = this.full
    this.full = false
    this.take(notification, Number.parseInt(notification.header('CSeq') ?? ''), full)
    if (/^terminated/.test(notification.header('subscription-state') ?? '')) this.ended = true
  }

  private take({ documents }: Heard, cseq: number, full: boolean): void {
    if (!(cseq > this.cseq)) this.faults.push(`CSeq ${cseq} after ${this.cseq}`)
    this.cseq = cseq
    for (const document of documents) {
      switch (local(document)) {
        case 'categories': for (const [category, instances] of readView(document)) this.seen.set(`${document.attributes['uri']} ${category}`, instances); break
        case 'roamingData': this.takeOwn(document, full); break
        case 'contactList': this.takeList(document); break
        case 'contactDelta': this.takeDelta(document)
      }
    }
  }

  private forget(prefix: string): void {
    for (const key of this.own.keys()) if (key.startsWith(prefix)) this.own.delete(key)
  }

  private takeOwn({ children }: Infoset, full: boolean): void {
    if (full) this.own.clear()
    for (const section of children) {
      const kind = local(section)
      if (kind === 'subscribers' || kind === 'delegates') this.own.set(kind, withoutCountdown(section))
      // A category that is named is forgotten in all containers, and built anew from what comes (design decision 6).
      if (kind === 'categories') for (const { attributes } of section.children) this.forget(`category ${attributes['name']} `)
      for (const child of kind === 'categories' || kind === 'containers' ? section.children : []) {
        const { id, name, container, instance, version } = child.attributes
        // That a container exists because something is published in it is told to nobody.
        if (kind === 'containers' && !(version === '0' && child.children.length === 0)) this.own.set(`container ${id}`, withoutCountdown(child))
        if (kind === 'categories' && instance !== undefined) this.own.set(`category ${name} in ${container} ${instance}`, withoutCountdown(child))
      }
    }
  }

  private put({ attributes, children }: Infoset, what: string): void {
    const { id, uri, ...rest } = attributes
    this.list.set(`${what} ${id ?? uri?.replace(/^sip:/, '')}`, JSON.stringify([rest, children]))
  }

  private takeList({ attributes, children }: Infoset): void {
    this.deltaNum = Number(attributes['deltaNum'])
    this.gap = false
    this.list.clear()
    for (const child of children) this.put(child, local(child))
  }

  private takeDelta({ attributes, children: [change] }: Infoset): void {
    // Something that a full list has overtaken.
    if (Number(attributes['deltaNum']) <= this.deltaNum || change === undefined) return
    if (Number(attributes['prevDeltaNum']) !== this.deltaNum) {
      this.gap = true
      return
    }
    this.deltaNum = Number(attributes['deltaNum'])
    const [, verb, what = ''] = /^(added|modified|deleted)(.+)$/.exec(local(change)) ?? []
    if (verb === 'deleted') this.list.delete(`${what.toLowerCase()} ${change.attributes['id'] ?? change.attributes['uri']?.replace(/^sip:/, '')}`)
    else this.put(change, what.toLowerCase())
  }

  /** All that it holds of the user's own data. */
  ownState(): readonly string[] {
    return [...this.own].map(([key, content]) => `${key}: ${content}`).sort()
  }

  contactState(): readonly string[] {
    return [this.gap ? 'incomplete' : `list ${this.deltaNum}`, ...[...this.list].map(([key, content]) => `${key}: ${content}`).sort()]
  }
}
