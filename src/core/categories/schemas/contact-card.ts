import { boolean, dateTime, element, leaf, localized, many, one, payload, text, versions, type JsonSchema } from './parts.ts'

const updated = { updated: dateTime }
/** updatedAnyURIType of 7.3. */
const uri = leaf(text, updated)

const identity = element({
  attributes: updated,
  children: { name: one(element({ attributes: updated, children: { displayName: many(localized) }, open: 'delimited' })), email: many(uri) },
  open: 'delimited',
})

const address = element({
  children: { street: many(localized), city: many(localized), state: many(localized), zipcode: many(localized), countryCode: one(leaf(text)) },
  open: 'delimited',
})

const phone = element({ attributes: updated, children: { uri: one(uri), displayString: many(localized) }, required: ['uri'], open: 'delimited' })

// 2.2.2.7.5 says that a photo SHOULD have a type, against the schema.
const photo = element({ attributes: updated, children: { uri: one(uri), hash: one(leaf(text)) }, required: ['hash'], open: 'delimited' })

/** presentityDescriptionType of 7.3. */
const description: JsonSchema = { type: 'string', maxLength: 1024, description: 'at most 1024 characters long' }

/**
 * contactCard (2.2.2.7.5, 7.3). Types of addresses, phones, photos, URLs and presentities are open lists in the schema, and so here,
 * though the prose closes some.
 */
export const contactCardSchema = payload('contactCard', element({
  attributes: { ...updated, isUCEnabled: boolean, ...versions },
  children: {
    identity: many(identity),
    address: many(address),
    ...Object.fromEntries(['company', 'department', 'title', 'office'].map((name) => [name, many(localized)])),
    url: many(uri),
    phone: many(phone),
    automaton: one(leaf(boolean)),
    type: one(leaf(text)),
    description: one(leaf(description)),
    displayADPhoto: one(leaf(boolean)),
    photo: many(photo),
  },
  open: 'delimited',
}))
