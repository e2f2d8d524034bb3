import type { Failure } from '../../core/base/failure.ts'
import { readFragment } from '../../core/requests/fragment.ts'
import { parseXml } from '../../core/xml/parse.ts'
import { writeVerbatim } from '../../core/xml/write.ts'
import { problemOf, type ProblemError } from '../problem.ts'

const refused = (place: string, { name, detail }: Failure): ProblemError => problemOf({ name, detail: `${place}: ${detail ?? ''}` })

/** The text of one XML element, made self-contained, or nothing; what is not well-formed is 400. */
export const readElement = (xml: string, place: string): string => {
  if (xml === '') return ''
  const document = parseXml(Buffer.from(xml))
  if (!document.ok) throw refused(place, document.failure)
  return writeVerbatim(document.value.source, document.value.root)
}

/** XML text that shall stand inside an element: text and elements; what is not well-formed is 400. */
export const readContent = (xml: string, place: string): string => {
  const content = readFragment(xml)
  if (!content.ok) throw refused(place, content.failure)
  return content.value
}
