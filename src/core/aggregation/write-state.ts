import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

/** A state element as the server writes it: attributes and declarations in the order of the examples of 4.3.1. */
export const writeState = (type: string, attributes: string, content: string): string =>
  `<state xsi:type="${type}"${attributes}${writeAttribute('xmlns:xsi', namespaces.xsi)}${writeAttribute('xmlns', namespaces.state)}>${content}</state>`

export const writeAvailability = (availability: number): string => `<availability>${availability}</availability>`
