import type { XmlElement } from './element.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;',
  // Kept as references, or attribute normalisation would turn them into blanks.
  '\t': '&#9;', '\n': '&#10;', '\r': '&#13;',
}

const NEEDS_ESCAPE = /[&<>"\t\n\r]/
const EACH_ESCAPE = /[&<>"\t\n\r]/g

/** The one escape function of all writers: safe in element content and in double-quoted attribute values. */
export const escapeXml = (text: string): string =>
  NEEDS_ESCAPE.test(text) ? text.replace(EACH_ESCAPE, (character) => ESCAPES[character] ?? character) : text

/** ` name="value"`, or nothing when there is no value. */
export const writeAttribute = (name: string, value: string | number | undefined): string =>
  value === undefined ? '' : ` ${name}="${typeof value === 'number' ? value : escapeXml(value)}"`

/** The declarations around an element, the innermost of each prefix, without those that the element makes itself. */
const declarationsAround = (element: XmlElement): ReadonlyMap<string, string> => {
  const around = new Map<string, string>()
  for (let scope = element.outer; scope !== undefined; scope = scope.outer) {
    for (const [prefix, uri] of scope.declares) if (!around.has(prefix) && !element.declares.has(prefix)) around.set(prefix, uri)
  }
  return around
}

/** The element with the declarations that it needs of those around it; where it had no default namespace, `xmlns=""` only if `anywhere`. */
const writeIndependent = (source: string, element: XmlElement, anywhere: boolean): string => {
  const text = source.slice(element.start, element.end)
  const around = declarationsAround(element)
  let declarations = ''
  for (const [prefix, uri] of around) {
    if (prefix !== '' && text.includes(`${prefix}:`)) declarations += writeAttribute(`xmlns:${prefix}`, uri)
  }
  const byDefault = around.get('') ?? ''
  if (!element.declares.has('') && (anywhere || byDefault !== '')) declarations = writeAttribute('xmlns', byDefault) + declarations
  if (declarations === '') return text
  const nameEnd = text.slice(1).search(/[\s/>]/) + 1
  return text.slice(0, nameEnd) + declarations + text.slice(nameEnd)
}

/**
 * The element exactly as it stood in the source, made independent of where it stood: the namespace declarations around it that its
 * text makes use of are put into its start tag (a prefix may also stand in a value, as in xsi:type), and `xmlns=""` where it had no
 * default namespace, so that it can be embedded byte for byte anywhere.
 */
export const writeVerbatim = (source: string, element: XmlElement): string => writeIndependent(source, element, true)

/** A start tag; `>` may stand in its attribute values. */
const START_TAG = /^<(?:"[^"]*"|'[^']*'|[^"'>])*>/

/** Where the content of an element begins: behind its start tag, which is its end where the element is empty. */
const contentStart = (source: string, element: XmlElement): number => element.start + (START_TAG.exec(source.slice(element.start, element.end))?.[0].length ?? 0)

/** What stands between the tags of an element, exactly as it stood in the source, which may hang on what is declared around it. */
export const sliceContent = (source: string, element: XmlElement): string => {
  const start = contentStart(source, element)
  return start === element.end ? '' : source.slice(start, source.lastIndexOf('</', element.end - 1))
}

/**
 * What stands between the tags of an element, exactly as it stood in the source, its elements made independent of what was declared
 * around them. It can be embedded byte for byte where no default namespace is in scope, or anywhere if asked for; blanks only are nothing.
 */
export const writeVerbatimContent = (source: string, element: XmlElement, anywhere = false): string => {
  const start = contentStart(source, element)
  if (start === element.end) return ''
  let content = ''
  let from = start
  for (const child of element.children) {
    content += source.slice(from, child.start) + writeIndependent(source, child, anywhere)
    from = child.end
  }
  content += source.slice(from, source.lastIndexOf('</', element.end - 1))
  return content.trim() === '' ? '' : content
}
