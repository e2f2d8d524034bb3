import { ok, type Result } from '../base/result.ts'
import { parseXml, type XmlLimits } from '../xml/parse.ts'

const [OPEN, CLOSE] = ['<content>', '</content>']

/**
 * Checks XML text that shall stand as the content of an element, as operators hand it in: text and any number of elements, prefixes declared
 * inside. Gives it back as it will be read by others; blanks only are nothing.
 */
export const readFragment = (text: string, limits?: XmlLimits): Result<string> => {
  const document = parseXml(Buffer.from(OPEN + text + CLOSE), limits)
  if (!document.ok) return document
  // Text that closed the wrapper itself would leave an end tag behind the root, which is not well-formed.
  const content = document.value.source.slice(OPEN.length, -CLOSE.length)
  return ok(content.trim() === '' ? '' : content)
}
