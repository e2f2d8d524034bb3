import { readCalendarPayload } from '../categories/calendar-payload.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

/** Working hours stand in this instance of calendarData; the others hold free-busy times (3.8.5.3). */
const WORKING_HOURS = 0

/** workingHours: the WorkingHours element of instance zero of calendarData, in calendar data of its own (3.8.5.3, 4.3.3). */
export const writeWorkingHours = (calendars: readonly CategoryInstance[]): string | undefined => {
  const calendar = readCalendarPayload(calendars.find(({ instance }) => instance === WORKING_HOURS)?.payload ?? '')
  if (calendar === undefined || calendar.workingHours === '') return undefined
  return `<calendarData${writeAttribute('mailboxID', calendar.mailboxId)}${writeAttribute('xmlns', namespaces.calendarData)}>${calendar.workingHours}</calendarData>`
}
