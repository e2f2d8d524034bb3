import { ok, type Result } from '../base/result.ts'
import type { XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { MAX_UNSIGNED_INT, notValid } from './reading.ts'
import type { SoapRequest } from './soap.ts'

/** The children of an action by name, in whatever order they came (clients differ); none may come twice. */
export interface Fields {
  readonly action: XmlElement
  readonly source: string
  readonly byName: ReadonlyMap<string, XmlElement>
}

/** Reads the children of an action; 400 where one comes twice, or anything stands beside the action. */
export const readFields = ({ action, source, beside }: SoapRequest): Result<Fields> => {
  const [more] = beside
  if (more !== undefined) return notValid(more, `nothing may stand beside ${action.local}`)
  const byName = new Map<string, XmlElement>()
  for (const child of action.children) {
    if (child.namespace !== namespaces.soapActions) continue
    if (byName.has(child.local)) return notValid(action, `${child.local} comes twice`)
    byName.set(child.local, child)
  }
  return ok({ action, source, byName })
}

/** The text of a child; undefined where there is none, 400 where it holds elements. */
export const readOptional = ({ byName }: Fields, name: string): Result<string | undefined> => {
  const field = byName.get(name)
  if (field === undefined) return ok(undefined)
  return field.children.length > 0 ? notValid(field, 'holds text only') : ok(field.text)
}

/** The text of a child that must be there. */
export const readText = (fields: Fields, name: string): Result<string> => {
  const text = readOptional(fields, name)
  if (!text.ok) return text
  return text.value === undefined ? notValid(fields.action, `${name} is missing`) : ok(text.value)
}

const toNumber = (text: string, max: number): number | undefined => (/^\+?\d{1,12}$/.test(text) && Number(text) <= max ? Number(text) : undefined)

/** A number from 0 to `max`; 400 for anything else. */
export const readNumber = (fields: Fields, name: string, text: string, max: number): Result<number> => {
  const value = toNumber(text.trim(), max)
  return value === undefined ? notValid(fields.action, `${name} "${text.slice(0, 40)}" is not a number from 0 to ${max}`) : ok(value)
}

/** The number that the client holds of the list that it changes (MS-SIP 3.7); undefined when it names none, and then nothing is checked. */
export const readDeltaNum = (fields: Fields): Result<number | undefined> => {
  const text = readOptional(fields, 'deltaNum')
  if (!text.ok || text.value === undefined) return text.ok ? ok(undefined) : text
  return readNumber(fields, 'deltaNum', text.value, MAX_UNSIGNED_INT)
}
