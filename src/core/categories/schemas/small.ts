import { boolean, element, leaf, many, one, payload, text, unsignedInt, versions, type JsonSchema } from './parts.ts'

/** legacyInterop (2.2.2.7.6, 7.7): the prose requires the availability, the schema does not forbid that. */
export const legacyInteropSchema = payload('legacyInterop', element({
  attributes: { availability: unsignedInt, dndState: boolean }, required: ['@availability'], open: 'closed',
}))

/** mwi (2.2.2.7.11, 7.9): elements of any other namespace may stand inside. */
export const mwiSchema = payload('mwi', element({
  attributes: { messageWaiting: boolean, unreadVoiceMailCount: unsignedInt, readVoiceMailCount: unsignedInt, ...versions }, required: ['@messageWaiting'], open: 'any',
}))

const linkedList = element({
  children: {
    LinkedPicContactEntry: many(element({
      children: { 'secondary-identities': one(element({ children: { 'secondary-identity': many(leaf(text)) }, open: 'closed' })) },
      required: ['@primary-Identity', 'secondary-identities'],
      open: 'any',
    })),
  },
  open: 'closed',
})

/** linkedPICContacts (2.2.2.7.12, 7.10): schema and examples spell the root with a capital, the prose without. */
export const linkedPicContactsSchema: JsonSchema = {
  type: 'object',
  properties: { LinkedPicContactList: linkedList, linkedPicContactList: linkedList },
  anyOf: [{ required: ['LinkedPicContactList'] }, { required: ['linkedPicContactList'] }],
}

/** The propertyList of all persistent chat categories (2.2.2.7.13, 7.1): properties with one value or further properties. */
export const propertyListSchema = payload('propertyList', element({
  children: { property: many({ $ref: '#/definitions/property' }) },
  required: ['property'],
  open: 'delimited',
}), {
  property: element({
    children: { property: many({ $ref: '#/definitions/property' }), value: one(leaf(text)) },
    required: ['@name', '@type'],
    open: 'closed',
    also: { if: { required: ['property'] }, then: { properties: { value: false } }, else: { required: ['value'] } },
  }),
})
