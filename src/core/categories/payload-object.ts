import { XMLParser } from 'fast-xml-parser'

/**
 * The children of an element as a plain object: attributes under `@name`, character data under `#text`, child elements under their
 * local name, always as an array. Has no prototype, so that a name from the wire can never reach one.
 */
export interface PayloadNode {
  readonly [name: string]: string | readonly PayloadNode[]
}

/** One payload: the local name of its root element, and nothing beside. */
export interface PayloadObject {
  readonly [root: string]: PayloadNode
}

/** Deeper than the strict door lets anything in. */
const MAX_DEPTH = 256
const ATTRIBUTES = ':@'
const TEXT = '#text'
const CDATA = '#cdata'
// No XML name starts with a dot: with it in front, no element is called like something that every object has.
const GUARD = '.'

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: TEXT,
  cdataPropName: CDATA,
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
  // Read below: behind the strict door there are the five names and the numbers, and CDATA keeps its text as it is.
  processEntities: false,
  // One for all payloads instead of a new one for each, which costs more than a small payload itself.
  entityDecoder: { setExternalEntities: () => undefined, addInputEntities: () => undefined, reset: () => undefined, decode: (text) => text, setXmlVersion: () => undefined },
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: MAX_DEPTH,
  jPath: false,
  // Called twice for an empty element.
  transformTagName: (name) => (name.startsWith(GUARD) ? name : GUARD + name),
})

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: '\'' }

const readReference = (whole: string, name: string): string => {
  if (!name.startsWith('#')) return NAMED[name] ?? whole
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10)
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole
}

const decode = (text: string): string => (text.includes('&') ? text.replace(/&(#x[0-9a-fA-F]{1,8}|#[0-9]{1,8}|lt|gt|amp|quot|apos);/g, readReference) : text)

const BLANKS = ' \t\n\r'

/** Without the white space of XML around it; that of other scripts stays. */
const trim = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && BLANKS.includes(text.charAt(start))) start += 1
  while (end > start && BLANKS.includes(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

type Building = Record<string, string | PayloadNode[]>

const addAttributes = (node: Building, attributes: unknown): void => {
  if (!isRecord(attributes)) return
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value !== 'string' || key.startsWith('@xmlns:')) continue
    const colon = key.indexOf(':')
    const name = colon < 0 ? key : `@${key.slice(colon + 1)}`
    // Two attributes of one local name: the one without a prefix is the one that MS-PRES means.
    if (colon >= 0 && node[name] !== undefined) continue
    node[name] = trim(decode(value.replace(/[\t\n\r]/g, ' ')))
  }
}

const textOf = (parts: unknown): string => {
  if (!Array.isArray(parts)) return ''
  const [part]: readonly unknown[] = parts
  const text = isRecord(part) ? part[TEXT] : undefined
  return typeof text === 'string' ? text : ''
}

/** The name of a node of fast-xml-parser: its only key, beside the attributes. */
const keyOf = (part: Readonly<Record<string, unknown>>): string => {
  for (const key in part) if (key !== ATTRIBUTES) return key
  return ''
}

const buildNode = (content: unknown, attributes: unknown): PayloadNode => {
  const node: Building = Object.create(null)
  addAttributes(node, attributes)
  let text = ''
  let children = 0
  if (!Array.isArray(content)) return node
  for (const part of content as readonly unknown[]) {
    if (!isRecord(part)) continue
    const key = keyOf(part)
    const inside = part[key]
    if (key === TEXT) text += typeof inside === 'string' ? decode(inside) : ''
    else if (key === CDATA) text += textOf(inside)
    else {
      const name = localName(key.slice(GUARD.length))
      const found = node[name]
      const child = buildNode(inside, part[ATTRIBUTES])
      children += 1
      if (Array.isArray(found)) found.push(child)
      else node[name] = [child]
    }
  }
  const trimmed = trim(text)
  if (children === 0 || trimmed !== '') node[TEXT] = trimmed
  return node
}

// fast-xml-parser looks for quotes inside processing instructions and would take what stands between two of them for one; '<' itself
// never stands in an attribute, so these three are all that can begin like this.
const withoutInstructions = (payload: string): string =>
  payload.includes('<?') ? payload.replace(/<!\[CDATA\[[^]*?\]\]>|<!--[^]*?-->|<\?[^]*?\?>/g, (found) => (found.startsWith('<!') ? found : '')) : payload

/**
 * A payload as JSON: what the schemas of categories judge and what the management API shows. The payload is one element that came
 * through the strict door of core/xml/parse.ts before.
 *
 * `{"state": {"@type": "userState", "@manual": "true", "availability": [{"#text": "3500"}], "activity": [{"@token": "x", "#text": ""}]}}`
 *
 * - The only key is the local name of the root element; below it every child element stands in an array under its local name.
 * - Attributes have an `@` before their local name. Of two with the same local name the unprefixed one is kept. `@xmlns` is the default
 *   namespace where one is declared; declarations of prefixes are left out.
 * - `#text` is all character data directly inside, joined. Every element without children has it; elements with children have it when
 *   there is more than white space.
 * - Values are strings, never numbers or booleans; references are resolved, white space around them is gone.
 * - Comments, processing instructions and the order of different elements are not in it.
 *
 * Throws on text that is not an element.
 */
export const readPayloadObject = (payload: string): PayloadObject => {
  const parsed: unknown = parser.parse(withoutInstructions(payload))
  const roots: readonly unknown[] = Array.isArray(parsed) ? parsed : []
  for (const root of roots) {
    if (!isRecord(root)) continue
    const key = Object.keys(root).find((name) => name.startsWith(GUARD))
    if (key === undefined) continue
    const object: Record<string, PayloadNode> = Object.create(null)
    object[localName(key.slice(GUARD.length))] = buildNode(root[key], root[ATTRIBUTES])
    return object
  }
  throw new Error('no element')
}
