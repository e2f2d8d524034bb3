import { readPayloadObject, type PayloadNode } from './payload-object.ts'
import { builtInPayloadChecks } from './validate-payload.ts'

// What no XML document can hold. The strict door lets none of it in, but what is read here is written into other documents.
const UNWRITABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/**
 * The content of a payload of the server's own schema for that category (section 7), whatever a deployment may have let in; undefined when there is
 * none, when it is another document or not what the schema says. Never throws.
 */
export const readPayload = (category: string, payload: string): PayloadNode | undefined => {
  if (builtInPayloadChecks.get(category)?.(payload) !== undefined) return undefined
  try {
    return readPayloadObject(payload)[category]
  } catch {
    return undefined
  }
}

/** The child elements of a name. */
export const childrenOf = (node: PayloadNode | undefined, name: string): readonly PayloadNode[] => {
  const found = node?.[name]
  return typeof found === 'object' ? found : []
}

/** An attribute, or the text inside under `#text`, on one line; undefined where there is none but white space. */
export const wordsOf = (node: PayloadNode | undefined, name: string): string | undefined => {
  const found = node?.[name]
  const words = typeof found === 'string' ? found.replace(UNWRITABLE, ' ').replace(/[ \t\n\r]+/g, ' ').trim() : ''
  return words === '' ? undefined : words
}

/** The first of some elements that has text. */
export const firstText = (nodes: readonly PayloadNode[]): string | undefined => {
  for (const node of nodes) {
    const text = wordsOf(node, '#text')
    if (text !== undefined) return text
  }
  return undefined
}
