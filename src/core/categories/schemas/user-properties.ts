import { anything, boolean, element, leaf, many, one, payload, text, unsignedLong, versions } from './parts.ts'

const ONCE = [
  'telephonyMode', 'facsimileTelephoneNumber', 'streetAddress', 'l', 'st', 'countryCode', 'postalCode', 'wWWHomePage', 'exumURL',
] as const

/** acpProvisionType of 7.6; the examples of 2.2.2.7.4 close without the `end` that it wants, and one has text in between. */
const acpInformation = element({
  attributes: { default: boolean },
  children: {
    tollNumber: one(leaf(text)), tollFreeNumber: many(leaf(text)), participantPassCode: one(leaf(text)), domain: one(leaf(text)), name: one(leaf(text)), url: one(leaf(text)),
  },
  required: ['@default', 'tollNumber', 'participantPassCode', 'domain', 'name'],
  open: 'delimited',
  strayText: true,
})

/** userProperties (2.2.2.7.4, 7.6); line types and telephony modes are open lists there. */
export const userPropertiesSchema = payload('userProperties', element({
  attributes: versions,
  children: {
    lines: one(element({ children: { line: many(leaf(text, {}, ['@lineType'])) }, open: 'closed' })),
    ...Object.fromEntries(ONCE.map((name) => [name, one(leaf(text))])),
    exumEnabled: one(leaf(unsignedLong)),
    forwardingUrls: one(anything),
    acpInformation: many(acpInformation),
  },
  open: 'delimited',
}))
