/** What a client knows of others and of itself in one subscription dialog, and whether the numbers of its notifications are as they must be. Pure. */

import { attribute, type XmlDocument, type XmlElement } from '../core/xml/element.ts'
import { parseXml } from '../core/xml/parse.ts'

/** What one document says of one user: place (a category, or a container of its own) to all that is there. What is not named stays as it was. */
export interface Content {
  readonly publisher: string
  readonly places: ReadonlyMap<string, string>
}

/** The parts of a body: those of multipart/related, else the body itself; none of an empty one. */
const cutParts = (contentType: string, body: string): readonly string[] => {
  const boundary = /;\s*boundary=([^;]+)$/.exec(contentType)?.[1]
  if (boundary === undefined) return body === '' ? [] : [body]
  return body.split(`--${boundary}`).slice(1, -1).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4).trimEnd())
}

const innerText = ({ source }: XmlDocument, element: XmlElement): string => /^<[^>]*[^/]>(.*)<\/[^>]*>$/s.exec(source.slice(element.start, element.end))?.[1] ?? ''

/** What an instance is compared by where others see it, and where its publisher does; what counts down by itself is left out. */
export const seenBy = { others: ['instance', 'publishTime'], self: ['container', 'instance', 'version', 'expireType'] } as const

export const instanceLine = (values: readonly (string | number | undefined)[], payload: string): string => [...values.map((value) => value ?? '-'), payload].join(' ')

/** The instances of each category that is named; one without instances is empty. */
const readCategories = (document: XmlDocument, categories: XmlElement, names: readonly string[]): ReadonlyMap<string, string> => {
  const byName = Map.groupBy(categories.children, (child) => attribute(child, 'name') ?? '')
  return new Map([...byName].map(([name, children]) => [name, children.filter((child) => attribute(child, 'instance') !== undefined)
    .map((child) => instanceLine(names.map((attributeName) => attribute(child, attributeName)), innerText(document, child))).sort().join('\n')]))
}

/** The name of the place where a container's members are kept. */
export const containerPlace = (id: number | string): string => `container ${id}`

export const memberLine = (type: string, value: string | undefined): string => `${type} ${value ?? ''}`.trim()

const readContainers = ({ children }: XmlElement): ReadonlyMap<string, string> =>
  new Map(children.map((container) => [containerPlace(attribute(container, 'id') ?? ''), container.children.map((member) => memberLine(attribute(member, 'type') ?? '', attribute(member, 'value'))).sort().join('\n')]))

const bare = (uri: string): string => uri.replace(/^sips?:/, '')

/** Reads what a message shows, rejection lists and other documents left out; throws when it is not readable. `own` is the user of a self subscription. */
export const readContents = (contentType: string, body: string, own: string): readonly Content[] =>
  cutParts(contentType, body).flatMap((text): readonly Content[] => {
    const parsed = parseXml(new TextEncoder().encode(text))
    if (!parsed.ok) throw new Error(`not readable: ${parsed.failure.detail ?? parsed.failure.name} in ${text.slice(0, 200)}`)
    const document = parsed.value
    const { root } = document
    if (root.local === 'categories') return [{ publisher: bare(attribute(root, 'uri') ?? ''), places: readCategories(document, root, seenBy.others) }]
    if (root.local !== 'roamingData') return []
    return root.children.flatMap((section): readonly Content[] => {
      if (section.local === 'categories') return [{ publisher: own, places: readCategories(document, section, seenBy.self) }]
      return section.local === 'containers' ? [{ publisher: own, places: readContainers(section) }] : []
    })
  })

/** One dialog from its client's side. */
export interface Watching {
  /** Call it when a SUBSCRIBE is sent: the answer must be numbered above what was heard by then. */
  readonly asked: () => number
  /** Takes in a notification; a sentence when its number breaks the order. */
  readonly notified: (number: number, contents: readonly Content[]) => string | undefined
  /**
   * Takes in the data in an answer; `floor` is what `asked` said. A complete one shows all there is: what it does not name is gone. A notification may overtake the
   * answer on the way, so that its number need not be the highest, but no number comes twice.
   */
  readonly answered: (floor: number, number: number, contents: readonly Content[], complete: boolean) => string | undefined
  /** Nothing more is watched of a publisher. */
  readonly forget: (publisher: string) => void
  /** Places of a publisher to what they hold. */
  readonly view: (publisher: string) => ReadonlyMap<string, string>
  readonly publishers: () => readonly string[]
}

interface Known {
  readonly number: number
  readonly text: string
}

/** A dialog that has heard nothing yet. */
export const createWatching = (): Watching => {
  const known = new Map<string, Map<string, Known>>()
  const numbers = new Set<number>()
  let highest = 0
  let lastNotified = 0
  const take = (number: number, contents: readonly Content[]): void => {
    numbers.add(number)
    highest = Math.max(highest, number)
    for (const { publisher, places } of contents) {
      const own = known.get(publisher) ?? new Map<string, Known>()
      known.set(publisher, own)
      for (const [place, text] of places) if ((own.get(place)?.number ?? 0) <= number) own.set(place, { number, text })
    }
  }
  return {
    asked: () => highest,
    notified: (number, contents) => {
      const fault = numbers.has(number) ? `number ${number} came twice` : number < lastNotified ? `number ${number} came after ${lastNotified}` : undefined
      lastNotified = Math.max(lastNotified, number)
      take(number, contents)
      return fault
    },
    answered: (floor, number, contents, complete) => {
      const fault = numbers.has(number) ? `number ${number} of an answer came twice` : number <= floor ? `number ${number} of an answer came after ${floor}` : undefined
      if (complete) {
        for (const [publisher, own] of known) {
          const named = contents.filter((content) => content.publisher === publisher)
          for (const [place, { number: since }] of own) if (since < number && !named.some(({ places }) => places.has(place))) own.delete(place)
          if (own.size === 0) known.delete(publisher)
        }
      }
      take(number, contents)
      return fault
    },
    forget: (publisher) => { known.delete(publisher) },
    view: (publisher) => new Map([...known.get(publisher) ?? []].map(([place, { text }]) => [place, text])),
    publishers: () => [...known.keys()],
  }
}

const linesWithout = (text: string, other: string): string => {
  const known = new Set(other.split('\n'))
  return text.split('\n').filter((line) => !known.has(line)).join('\n')
}

/** What differs between what a watcher has heard and what is there: a sentence for each place, with the lines that differ. Places that hold nothing need not be known. */
export const compareViews = (heard: ReadonlyMap<string, string>, stored: ReadonlyMap<string, string>): readonly string[] =>
  [...new Set([...heard.keys(), ...stored.keys()])].flatMap((place) => {
    const [known = '', there = ''] = [heard.get(place), stored.get(place)]
    return known === there ? [] : [`${place}: heard [${linesWithout(known, there)}], stored [${linesWithout(there, known)}]`]
  })
