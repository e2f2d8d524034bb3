import { base64, dateTime, decimal, duration, element, int, leaf, many, one, payload, short, text, versions, word, words } from './parts.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Day', 'Weekday', 'WeekendDay'] as const

/** SerializableTimeZoneTime of 7.8. Year is not there, but in the Exchange type that it is a copy of, and clients hand Exchange's on. */
const change = element({
  children: {
    Bias: one(leaf(int)), Time: one(leaf(text)), DayOrder: one(leaf(short)), Month: one(leaf(short)), DayOfWeek: one(leaf(word(DAYS))), Year: one(leaf(text)),
  },
  required: ['Bias', 'Time', 'DayOrder', 'Month', 'DayOfWeek'],
  open: 'closed',
})

const period = element({
  children: { DayOfWeek: one(leaf(words(DAYS))), StartTimeInMinutes: one(leaf(int)), EndTimeInMinutes: one(leaf(int)) },
  required: ['DayOfWeek', 'StartTimeInMinutes', 'EndTimeInMinutes'],
  open: 'closed',
})

const workingHours = element({
  children: {
    TimeZone: one(element({ children: { Bias: one(leaf(int)), StandardTime: one(change), DaylightTime: one(change) }, required: ['Bias', 'StandardTime', 'DaylightTime'], open: 'closed' })),
    WorkingPeriodArray: one(element({ children: { WorkingPeriod: many(period) }, open: 'closed' })),
  },
  required: ['TimeZone', 'WorkingPeriodArray'],
  open: 'closed',
})

const freeBusy = leaf(base64, { startTime: dateTime, granularity: duration, encodingVersion: decimal }, ['@startTime', '@granularity', '@encodingVersion'])

/**
 * calendarData and workingHours (2.2.2.7.8, 2.2.2.7.9, 7.8): working hours or free-busy times, not both. Calendar data that says nothing
 * needs no mailbox either: 4.3.3 clears containers so, against the schema.
 */
export const calendarDataSchema = payload('calendarData', element({
  attributes: versions,
  children: { WorkingHours: one(workingHours), freeBusy: one(freeBusy) },
  open: 'delimited',
  also: {
    allOf: [
      { if: { anyOf: [{ required: ['WorkingHours'] }, { required: ['freeBusy'] }] }, then: { required: ['@mailboxID'] } },
      { if: { required: ['WorkingHours'] }, then: { properties: { freeBusy: false } } },
    ],
  },
}))
