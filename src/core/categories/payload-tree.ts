import { hasText, type XmlElement } from '../xml/element.ts'
import { parseXml } from '../xml/parse.ts'
import { writeVerbatim } from '../xml/write.ts'
import { builtInPayloadChecks } from './validate-payload.ts'

/** A payload that is what the schema of its category says, as a tree with its source. */
export interface PayloadTree {
  readonly root: XmlElement
  readonly source: string
}

/** Formats that the server reads: the name of a category whose root element is called the same. */
export type PayloadFormat = 'state' | 'device' | 'calendarData'

// A payload is one element, so that its name stands at the beginning.
const ROOT = /^<(?:[^\s:/>]+:)?([^\s:/>]+)/

/**
 * Reads a payload in the format of a category. Undefined when there is none, when it is another document, or when it is not what section 7
 * says, whatever a deployment may have let in: such a payload takes no part in what the server computes.
 */
export const readPayloadTree = (format: PayloadFormat, payload: string): PayloadTree | undefined => {
  if (ROOT.exec(payload)?.[1] !== format || builtInPayloadChecks.get(format)?.(payload) !== undefined) return undefined
  const document = parseXml(Buffer.from(payload))
  return document.ok ? document.value : undefined
}

/** The child elements of a local name: documents are seen with and without their namespaces, and the schemas judge by local name, too. */
export const childrenCalled = (parent: XmlElement, local: string): readonly XmlElement[] => parent.children.filter((child) => child.local === local)

/** An attribute by its local name, white space around it gone; of two the one without a prefix, as the schemas read it. */
export const attributeCalled = (element: XmlElement, local: string): string | undefined => {
  const found = element.attributes.filter((candidate) => candidate.local === local)
  return (found.find(({ namespace }) => namespace === '') ?? found[0])?.value.trim()
}

export const isTrue = (text: string | undefined): boolean => text === 'true' || text === '1'

/** An unsigned number of a schema, which also admits a sign and zeros in front; undefined when there is none. */
export const readUnsigned = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^[+-]?[0-9]+$/.test(text)) return undefined
  const number = Number(text)
  return number >= 0 && number <= 0xffffffff ? Math.abs(number) : undefined
}

const defaultAround = (element: XmlElement): string => {
  for (let scope = element.outer; scope !== undefined; scope = scope.outer) {
    const uri = scope.declares.get('')
    if (uri !== undefined) return uri
  }
  return ''
}

/** Elements that say something: with text or elements inside. */
export const filled = (elements: readonly XmlElement[]): readonly XmlElement[] => elements.filter((element) => hasText(element) || element.children.length > 0)

/**
 * Elements exactly as the client wrote them, for a place where `namespace` is the default: what the place declares already is not declared
 * again, all other namespaces come along. An element without a namespace, of a client that left them out, joins that of the place.
 */
export const copyInto = (namespace: string, { source }: PayloadTree, elements: readonly XmlElement[]): string =>
  elements.map((element) => {
    const around = defaultAround(element)
    const fits = around === namespace || (around === '' && element.namespace === '')
    return writeVerbatim(source, fits ? { ...element, declares: new Map([...element.declares, ['', namespace]]) } : element)
  }).join('')
