import { SaxesParser, type SaxesTagNS } from 'saxes'
import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { XmlAttribute, XmlDocument, XmlElement, XmlScope } from './element.ts'
import { namespaces } from './namespaces.ts'

/** Caps of the strict door; what exceeds them is refused before it costs anything. */
export interface XmlLimits {
  readonly maxBytes: number
  readonly maxDepth: number
  readonly maxElements: number
  readonly maxAttributes: number
  /** Namespace declarations around one element, and the length of each URI: what is embedded elsewhere takes them along. */
  readonly maxNamespaces: number
  readonly maxNamespaceLength: number
}

export const defaultXmlLimits: XmlLimits = { maxBytes: 512 * 1024, maxDepth: 64, maxElements: 20_000, maxAttributes: 64, maxNamespaces: 64, maxNamespaceLength: 1024 }

class NotXml extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// saxes checks names as a whole; with namespaces the half behind the colon must start like a name too (Namespaces in XML 1.0, 3).
const NAME_START = /^[A-Z_a-z\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{2ff}\u{370}-\u{37d}\u{37f}-\u{1fff}\u{200c}\u{200d}\u{2070}-\u{218f}\u{2c00}-\u{2fef}\u{3001}-\u{d7ff}\u{f900}-\u{fdcf}\u{fdf0}-\u{fffd}\u{10000}-\u{effff}]/u

interface OpenElement {
  readonly namespace: string
  readonly local: string
  readonly attributes: XmlAttribute[]
  readonly children: XmlElement[]
  readonly declares: ReadonlyMap<string, string>
  readonly outer: XmlScope | undefined
  /** Declarations in scope inside, counted. */
  readonly inScope: number
  readonly start: number
  text: string
}

const checkName = (name: string): void => {
  const halves = name.split(':')
  if (halves.length > 2 || !halves.every((half) => NAME_START.test(half))) throw new NotXml(`"${name}" is not a qualified name`)
}

const NOTHING: ReadonlyMap<string, string> = new Map()

const openElement = (tag: SaxesTagNS, start: number, parent: OpenElement | undefined, limits: XmlLimits): OpenElement => {
  checkName(tag.name)
  const attributes: XmlAttribute[] = []
  let declares: Map<string, string> | undefined
  for (const found of Object.values(tag.attributes)) {
    checkName(found.name)
    if (found.uri !== namespaces.xmlns) {
      attributes.push({ namespace: found.uri, local: found.local, value: found.value })
      continue
    }
    if (found.value.length > limits.maxNamespaceLength) throw new NotXml(`a namespace URI longer than ${limits.maxNamespaceLength}`)
    declares = (declares ?? new Map<string, string>()).set(found.prefix === 'xmlns' ? found.local : '', found.value)
  }
  const inScope = (parent?.inScope ?? 0) + (declares?.size ?? 0)
  if (inScope > limits.maxNamespaces) throw new NotXml(`more than ${limits.maxNamespaces} namespace declarations in scope`)
  // Chained, never copied: an element that declares nothing passes its parent's scope on.
  const outer = parent === undefined || parent.declares.size === 0 ? parent?.outer : { declares: parent.declares, outer: parent.outer }
  return { namespace: tag.uri, local: tag.local, attributes, children: [], declares: declares ?? NOTHING, outer, inScope, start, text: '' }
}

const readTree = (source: string, limits: XmlLimits): XmlElement => {
  const parser = new SaxesParser({ xmlns: true, position: true })
  const open: OpenElement[] = []
  let root: XmlElement | undefined
  let elements = 0
  let attributes = 0
  let start = 0
  parser.on('error', (error) => { throw new NotXml(error.message) })
  parser.on('doctype', () => { throw new NotXml('DOCTYPE is not accepted') })
  parser.on('xmldecl', (declaration) => {
    if (declaration.version !== '1.0') throw new NotXml(`XML version ${declaration.version ?? '(none)'} is not accepted`)
    if (declaration.encoding !== undefined && !/^utf-8$/i.test(declaration.encoding)) throw new NotXml(`encoding ${declaration.encoding} is not accepted`)
  })
  parser.on('opentagstart', () => {
    elements += 1
    attributes = 0
    if (elements > limits.maxElements) throw new NotXml(`more than ${limits.maxElements} elements`)
    if (open.length >= limits.maxDepth) throw new NotXml(`nested deeper than ${limits.maxDepth}`)
    start = source.lastIndexOf('<', parser.position - 1)
  })
  parser.on('attribute', () => {
    attributes += 1
    if (attributes > limits.maxAttributes) throw new NotXml(`more than ${limits.maxAttributes} attributes on one element`)
  })
  parser.on('opentag', (tag) => { open.push(openElement(tag, start, open.at(-1), limits)) })
  const addText = (text: string): void => {
    const current = open.at(-1)
    if (current !== undefined) current.text += text
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed === undefined) throw new NotXml('unbalanced end tag')
    const { inScope: _, ...rest } = closed
    const element: XmlElement = { ...rest, end: parser.position }
    const parent = open.at(-1)
    if (parent === undefined) root = element
    else parent.children.push(element)
  })
  parser.write(source).close()
  if (root === undefined) throw new NotXml('no root element')
  return root
}

/**
 * The only XML reader of Presentia: bytes to a namespace-aware element tree with source offsets.
 * Refuses what is not well-formed UTF-8 XML 1.0 with namespaces, any DOCTYPE, and whatever exceeds `limits`.
 */
export const parseXml = (bytes: Uint8Array, limits: XmlLimits = defaultXmlLimits): Result<XmlDocument> => {
  if (bytes.length > limits.maxBytes) return refuse(failure('inputTooLarge', `the body has ${bytes.length} bytes, ${limits.maxBytes} are accepted`))
  let source: string
  try {
    source = utf8.decode(bytes)
  } catch {
    return refuse(failure('bodyNotXml', 'the body is not UTF-8'))
  }
  try {
    return ok({ root: readTree(source, limits), source })
  } catch (error) {
    if (error instanceof NotXml) return refuse(failure('bodyNotXml', error.message))
    throw error
  }
}
