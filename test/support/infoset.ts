import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { XmlElement } from '../../src/core/xml/element.ts'
import { parseXml } from '../../src/core/xml/parse.ts'

/** An element as XML means it: qualified name, attributes without order, text without the blanks between elements. */
export interface Infoset {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
  readonly children: readonly Infoset[]
}

const qualified = (namespace: string, local: string): string => (namespace === '' ? local : `{${namespace}}${local}`)

const toInfoset = (element: XmlElement): Infoset => ({
  name: qualified(element.namespace, element.local),
  attributes: Object.fromEntries(element.attributes.map(({ namespace, local, value }) => [qualified(namespace, local), value] as const).sort(([a], [b]) => (a < b ? -1 : 1))),
  // White space decides nothing beside elements, and nothing where there is nothing else.
  text: element.children.length > 0 || element.text.trim() === '' ? element.text.trim() : element.text,
  children: element.children.map(toInfoset),
})

/** Reads XML text through the engine's own strict door; throws when it is not XML. */
export const readInfoset = (xml: string): Infoset => {
  const document = parseXml(new TextEncoder().encode(xml))
  if (!document.ok) throw new Error(`not XML (${document.failure.detail ?? document.failure.name}): ${xml.slice(0, 300)}`)
  return toInfoset(document.value.root)
}

const localNames = (element: Infoset): readonly string[] => [element.name.replace(/^\{[^}]*\}/, ''), ...element.children.flatMap(localNames)]

const independentNames = (nodes: readonly Record<string, unknown>[]): readonly string[] =>
  nodes.flatMap((node) => Object.entries(node).flatMap(([name, children]) =>
    name === ':@' || name === '#text' || name.startsWith('?') ? [] : [name.replace(/^.*:/, ''), ...independentNames(children as Record<string, unknown>[])]))

/** Asks a second, independent parser whether XML that we emit is well formed and has the elements that ours sees; throws when not. */
export const checkEmitted = (xml: string): Infoset => {
  const verdict = XMLValidator.validate(xml)
  if (verdict !== true) throw new Error(`emitted XML is not well formed: ${verdict.err.msg} at ${verdict.err.line}:${verdict.err.col} of ${xml.slice(0, 300)}`)
  const ours = readInfoset(xml)
  const parsed: unknown = new XMLParser({ ignoreAttributes: false, preserveOrder: true }).parse(xml)
  const theirs = independentNames(parsed as Record<string, unknown>[]).join(' ')
  if (theirs !== localNames(ours).join(' ')) throw new Error(`two parsers see different elements:\n${localNames(ours).join(' ')}\n${theirs}`)
  return ours
}

/** Names bound by `{placeholders}` of expected texts. */
export type Bindings = Map<string, string>

/**
 * Matches a text against an expected one in which `{name}` stands for anything but blanks, quotes and angle brackets; the same name must stand
 * for the same text everywhere. Returns what is wrong, or undefined.
 */
export const matchText = (expected: string, actual: string, bindings: Bindings): string | undefined => {
  const names: string[] = []
  const pattern = expected.split(/(\{[a-z][a-z0-9-]*\})/i).map((part, at) => {
    if (at % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    const name = part.slice(1, -1)
    const bound = bindings.get(name)
    if (bound !== undefined) return bound.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    if (names.includes(name)) return `\\${names.indexOf(name) + 1}`
    names.push(name)
    return '([^\\s"<>]+?)'
  }).join('')
  const match = new RegExp(`^${pattern}$`).exec(actual)
  if (match === null) return `expected ${fillIn(expected, bindings)}\n     got ${actual}`
  for (const [at, name] of names.entries()) bindings.set(name, match[at + 1] ?? '')
  return undefined
}

/** Puts what is bound into a text. */
export const fillIn = (text: string, bindings: Bindings): string => text.replace(/\{([a-z][a-z0-9-]*)\}/gi, (whole, name: string) => bindings.get(name) ?? whole)

/** Compares two infosets, placeholders in the expected one allowed; returns the first difference with its place. */
export const matchInfoset = (expected: Infoset, actual: Infoset, bindings: Bindings = new Map(), place = ''): string | undefined => {
  const here = `${place}/${actual.name.replace(/^\{[^}]*\}/, '')}`
  if (expected.name !== actual.name) return `${here}: expected <${expected.name}>, got <${actual.name}>`
  const names = (infoset: Infoset): string => Object.keys(infoset.attributes).join(' ')
  if (names(expected) !== names(actual)) return `${here}: expected attributes [${names(expected)}], got [${names(actual)}]`
  for (const [name, value] of Object.entries(expected.attributes)) {
    const wrong = matchText(value, actual.attributes[name] ?? '', bindings)
    if (wrong !== undefined) return `${here}/@${name}: ${wrong}`
  }
  const wrongText = matchText(expected.text, actual.text, bindings)
  if (wrongText !== undefined) return `${here}: ${wrongText}`
  for (const [at, child] of expected.children.entries()) {
    const other = actual.children[at]
    if (other === undefined) return `${here}: <${child.name}> is missing at ${at + 1}`
    const wrong = matchInfoset(child, other, bindings, here)
    if (wrong !== undefined) return wrong
  }
  const surplus = actual.children[expected.children.length]
  return surplus === undefined ? undefined : `${here}: <${surplus.name}> is too much`
}

/** Compares two XML texts as infosets; undefined when they mean the same. */
export const compareXml = (expected: string, actual: string, bindings?: Bindings): string | undefined => matchInfoset(readInfoset(expected), readInfoset(actual), bindings)
