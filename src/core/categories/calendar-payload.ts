import { namespaces } from '../xml/namespaces.ts'
import { attributeCalled, childrenCalled, copyInto, readPayloadTree } from './payload-tree.ts'
import { REMEMBERED_CHARACTERS, remember } from './remember.ts'

/** What the server reads of calendar data (2.2.2.7.8, 7.8). */
export interface CalendarPayload {
  readonly mailboxId: string
  /** The WorkingHours element verbatim, for a place inside calendarData; empty when there is none. */
  readonly workingHours: string
}

/** Reads a payload that is calendar data; undefined when it is not. */
export const readCalendarPayload: (payload: string) => CalendarPayload | undefined = remember((payload) => {
  const tree = readPayloadTree('calendarData', payload)
  if (tree === undefined) return undefined
  return { mailboxId: attributeCalled(tree.root, 'mailboxID') ?? '', workingHours: copyInto(namespaces.calendarData, tree, childrenCalled(tree.root, 'WorkingHours')) }
}, REMEMBERED_CHARACTERS)
