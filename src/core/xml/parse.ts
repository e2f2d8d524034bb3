import { SaxesParser, type SaxesTagNS } from 'saxes'
import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { XmlAttribute, XmlDocument, XmlElement } from './element.ts'
import { namespaces } from './namespaces.ts'

/** Caps of the strict door; what exceeds them is refused before it costs anything. */
export interface XmlLimits {
  readonly maxBytes: number
  readonly maxDepth: number
  readonly maxElements: number
  readonly maxAttributes: number
}

export const defaultXmlLimits: XmlLimits = { maxBytes: 512 * 1024, maxDepth: 64, maxElements: 20_000, maxAttributes: 64 }

class NotXml extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

// saxes checks names as a whole; with namespaces each half must be an NCName (Namespaces in XML 1.0, 3).
const NCNAME = /^[\p{L}_][\p{L}\p{N}\p{M}._·-]*$/u

interface OpenElement {
  readonly namespace: string
  readonly local: string
  readonly attributes: XmlAttribute[]
  readonly children: XmlElement[]
  readonly scope: ReadonlyMap<string, string>
  readonly declares: readonly string[]
  readonly start: number
  text: string
}

const checkName = (name: string): void => {
  for (const part of name.split(':')) if (!NCNAME.test(part)) throw new NotXml(`"${name}" is not a qualified name`)
}

const rootScope: ReadonlyMap<string, string> = new Map([['xml', namespaces.xml]])

const openElement = (tag: SaxesTagNS, start: number, parentScope: ReadonlyMap<string, string>): OpenElement => {
  checkName(tag.name)
  const attributes: XmlAttribute[] = []
  const declares: string[] = []
  for (const found of Object.values(tag.attributes)) {
    checkName(found.name)
    if (found.uri === namespaces.xmlns) declares.push(found.prefix === 'xmlns' ? found.local : '')
    else attributes.push({ namespace: found.uri, local: found.local, value: found.value })
  }
  let scope = parentScope
  if (declares.length > 0) scope = new Map([...parentScope, ...declares.map((prefix) => [prefix, tag.ns[prefix] ?? ''] as const)])
  return { namespace: tag.uri, local: tag.local, attributes, children: [], scope, declares, start, text: '' }
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
    if (declaration.encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(declaration.encoding)) throw new NotXml(`encoding ${declaration.encoding} is not accepted`)
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
  parser.on('opentag', (tag) => { open.push(openElement(tag, start, open.at(-1)?.scope ?? rootScope)) })
  const addText = (text: string): void => {
    const current = open.at(-1)
    if (current !== undefined) current.text += text
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed === undefined) throw new NotXml('unbalanced end tag')
    const element: XmlElement = { ...closed, end: parser.position }
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
