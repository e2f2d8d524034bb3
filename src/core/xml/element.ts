/** One attribute; `namespace` is empty for an unprefixed one. */
export interface XmlAttribute {
  readonly namespace: string
  readonly local: string
  readonly value: string
}

/** One element of a checked document. `start` and `end` are offsets into the source text, tags included. */
export interface XmlElement {
  readonly namespace: string
  readonly local: string
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly XmlElement[]
  /** All character data directly inside this element, joined. */
  readonly text: string
  /** Prefix to namespace URI for everything in scope here; the default namespace is under ''. */
  readonly scope: ReadonlyMap<string, string>
  /** The prefixes that this very element declares. */
  readonly declares: readonly string[]
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
