/** One attribute; `namespace` is empty for an unprefixed one. */
export interface XmlAttribute {
  readonly namespace: string
  readonly local: string
  readonly value: string
}

/** The namespace declarations of one element, chained to those around it: prefix to URI, the default namespace under ''. */
export interface XmlScope {
  readonly declares: ReadonlyMap<string, string>
  readonly outer: XmlScope | undefined
}

/** One element of a checked document. `start` and `end` are offsets into the source text, tags included. */
export interface XmlElement {
  readonly namespace: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly XmlElement[]
  /** All character data directly inside this element, joined. */
  readonly text: string
  /** What this element declares itself; empty for most. */
  readonly declares: ReadonlyMap<string, string>
  /** The declarations around this element, its own left out. */
  readonly outer: XmlScope | undefined
  readonly start: number
  readonly end: number
}

/** A well-formed document together with the text it was read from. */
export interface XmlDocument {
  readonly root: XmlElement
  readonly source: string
}

export const isElement = (element: XmlElement, namespace: string, local: string): boolean =>
  element.local === local && element.namespace === namespace

export const childrenNamed = (element: XmlElement, namespace: string, local: string): readonly XmlElement[] =>
  element.children.filter((child) => isElement(child, namespace, local))

export const firstChild = (element: XmlElement, namespace: string, local: string): XmlElement | undefined =>
  element.children.find((child) => isElement(child, namespace, local))

/** The value of an attribute in no namespace, which is what all MS-PRES attributes are. */
export const attribute = (element: XmlElement, local: string): string | undefined =>
  element.attributes.find((candidate) => candidate.namespace === '' && candidate.local === local)?.value

/** True when there is character data other than white space directly inside. */
export const hasText = (element: XmlElement): boolean => element.text.trim() !== ''
