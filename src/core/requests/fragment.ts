import { ok, type Result } from '../base/result.ts'
import { parseXml, type XmlLimits } from '../xml/parse.ts'
import { notValid } from './reading.ts'

const [OPEN, CLOSE] = ['<content>', '</content>']

/**
 * Checks XML text that shall stand as the content of an element, as operators hand it in: text and any number of elements, prefixes declared
 * inside. Gives it back as it will be read by others; blanks only are nothing.
 */
export const readFragment = (text: string, limits?: XmlLimits): Result<string> => {
  const document = parseXml(Buffer.from(OPEN + text + CLOSE), limits)
  if (!document.ok) return document
  const { root, source } = document.value
  // What closes the wrapper itself would leave something behind it, or not be well-formed.
  if (root.start !== 0 || root.end !== source.length) return notValid(root, 'is not the content of one element')
  const content = source.slice(OPEN.length, -CLOSE.length)
  return ok(content.trim() === '' ? '' : content)
}
