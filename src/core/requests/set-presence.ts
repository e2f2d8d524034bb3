import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { MAX_AGGREGATE, type SetPresence } from '../model/legacy-presence.ts'
import type { XmlElement } from '../xml/element.ts'
import { sliceContent, writeVerbatim, writeVerbatimContent } from '../xml/write.ts'
import { ownAttribute, ownChildren, readPresentity } from './presentity.ts'
import { notValid } from './reading.ts'
import type { SoapRequest } from './soap.ts'

/** What userInfo may hold, in characters (MS-SIP 6). */
const MAX_USER_INFO = 1024

/** What a client says beside the two numbers, as it sends it, in characters: bounded here, where nothing has been made of it yet. */
const MAX_CONTENT = 8 * 1024

interface Value {
  readonly element: XmlElement
  readonly aggregate: number
  readonly description: string | undefined
}

const readValue = (presentity: XmlElement, name: string): Result<Value> => {
  const [element, another] = ownChildren(presentity, name)
  if (element === undefined || another !== undefined) return notValid(presentity, `must hold one ${name}`)
  const text = ownAttribute(element, 'aggregate')?.trim() ?? ''
  const aggregate = /^\+?\d{1,6}$/.test(text) ? Number(text) : undefined
  if (aggregate === undefined || aggregate > MAX_AGGREGATE) return notValid(element, `attribute aggregate="${text.slice(0, 40)}" is not a number from 0 to ${MAX_AGGREGATE}`)
  return ok({ element, aggregate, description: ownAttribute(element, 'description') })
}

/** Reads a setPresence request (MS-SIP 3.2.4.2); 400 when it is not valid, 413 when it says more than is kept. */
export const readSetPresence = (soap: SoapRequest): Result<SetPresence> => {
  const { source } = soap
  const presentity = readPresentity(soap)
  if (!presentity.ok) return presentity
  const { element, user } = presentity.value
  const availability = readValue(element, 'availability')
  if (!availability.ok) return availability
  const activity = readValue(element, 'activity')
  if (!activity.ok) return activity
  const [info, another] = ownChildren(element, 'userInfo')
  if (another !== undefined) return notValid(element, 'must hold one userInfo at most')
  if (info !== undefined && sliceContent(source, info).length > MAX_USER_INFO) return refuse(failure('publicationTooLarge', `userInfo: at most ${MAX_USER_INFO} characters`))
  if (sliceContent(source, element).length > MAX_CONTENT) return refuse(failure('publicationTooLarge', `presentity: at most ${MAX_CONTENT} characters`))
  const userInfo = info === undefined ? undefined : writeVerbatimContent(source, info, true)
  const others = element.children.filter((child) => child !== availability.value.element && child !== activity.value.element)
  return ok({
    user, userInfo,
    availability: { aggregate: availability.value.aggregate, description: availability.value.description },
    activity: { aggregate: activity.value.aggregate, description: activity.value.description, note: ownAttribute(activity.value.element, 'note') },
    // userInfo is part of the document; whatever prefix it came with, there it has its namespace.
    extensions: others.map((child) => (child === info ? `<userInfo>${userInfo ?? ''}</userInfo>` : writeVerbatim(source, child))).join(''),
  })
}
