import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { readPayloadObject } from './payload-object.ts'
import { calendarDataSchema } from './schemas/calendar-data.ts'
import { contactCardSchema } from './schemas/contact-card.ts'
import { deviceSchema, servicesSchema } from './schemas/device.ts'
import { schemaFault } from './schemas/limits.ts'
import { legacyInteropSchema, linkedPicContactsSchema, mwiSchema, propertyListSchema } from './schemas/small.ts'
import { stateSchema } from './schemas/state.ts'
import { userPropertiesSchema } from './schemas/user-properties.ts'

/**
 * Judges one payload, which is a well-formed element or nothing. A sentence that names the place, such as
 * "state/availability: must be a number from 0 to 4294967295", or undefined when there is nothing to say. Never throws.
 */
export type PayloadCheck = (payload: string) => string | undefined

/** The outcome of compiling the schema of an operator. */
export type CompiledSchema =
  | { readonly ok: true; readonly validate: PayloadCheck }
  | { readonly ok: false; readonly error: string }

/**
 * The schemas of section 7 by category name, over the shape of readPayloadObject. Elements are judged by their local names, since
 * documents of this protocol are seen with and without their namespaces. The other categories, routing and note among them, have no
 * schema in the document; they only need to be well-formed.
 */
export const builtInPayloadSchemas: ReadonlyMap<string, object> = new Map([
  ['state', stateSchema],
  ['dndState', stateSchema],
  ['device', deviceSchema],
  ['services', servicesSchema],
  ['userProperties', userPropertiesSchema],
  ['contactCard', contactCardSchema],
  ['legacyInterop', legacyInteropSchema],
  ['calendarData', calendarDataSchema],
  ['workingHours', calendarDataSchema],
  ['mwi', mwiSchema],
  ['linkedPICContacts', linkedPicContactsSchema],
  ['roomSetting', propertyListSchema],
  ['roomUpdate', propertyListSchema],
  ['roomInvitation', propertyListSchema],
  ['gcFilterSetting', propertyListSchema],
])

// Verbose, so that an error brings the schema and with it the description; strict about keywords, so that a misspelt one is told.
const newAjv = (): Ajv => new Ajv({
  strict: true, strictTypes: false, strictTuples: false, strictRequired: false, allowMatchingProperties: true,
  allErrors: false, verbose: true, inlineRefs: false, ownProperties: true, logger: false, addUsedSchema: false,
})

const MAX_NAME = 60

const short = (name: unknown): string => {
  const text = String(name)
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}...` : text
}

const nameOf = (property: unknown): string => {
  const name = short(property)
  if (name === '#text') return 'text'
  return name.startsWith('@') ? `attribute ${name.slice(1)}` : `element ${name}`
}

/** "state/activity[2]/@token" of "/state/activity/1/@token"; the first of several has no number. */
const placeOf = (instancePath: string): string => {
  let place = ''
  for (const step of instancePath.split('/').slice(1)) {
    if (step === '#text') continue
    if (/^[0-9]+$/.test(step)) place += step === '0' ? '' : `[${Number(step) + 1}]`
    else place += `${place === '' ? '' : '/'}${short(step)}`
  }
  return place
}

const descriptionOf = (schema: unknown): string | undefined => {
  if (typeof schema !== 'object' || schema === null || !('description' in schema)) return undefined
  return typeof schema.description === 'string' ? schema.description : undefined
}

const wrongOf = (error: ErrorObject): string => {
  const params: Readonly<Record<string, unknown>> = error.params
  switch (error.keyword) {
    case 'required': return `${nameOf(params['missingProperty'])} is missing`
    case 'additionalProperties': return `${nameOf(params['additionalProperty'])} may not stand here`
    case 'maxItems': return `may stand here ${params['limit'] === 1 ? 'once' : `${String(params['limit'])} times`} only`
    case 'false schema': return 'may not stand here'
    case 'pattern': case 'enum': case 'const': case 'minLength': case 'maxLength': {
      const description = descriptionOf(error.parentSchema)
      return description === undefined ? error.message ?? 'is not valid' : `must be ${description}`
    }
    default: return error.message ?? 'is not valid'
  }
}

/** Of the errors of one judgement the first; those that follow only tell which keyword it was part of. */
const sentenceOf = (errors: ValidateFunction['errors'], root: string): string => {
  const [error] = errors ?? []
  if (error === undefined) return `${short(root)}: is not valid`
  const place = placeOf(error.instancePath)
  if (place !== '') return `${place}: ${wrongOf(error)}`
  return error.keyword === 'required' ? `${short(root)}: must be the element ${short(error.params['missingProperty'])}` : `${short(root)}: ${wrongOf(error)}`
}

const judge = (validate: ValidateFunction, payload: string): string | undefined => {
  if (payload.trim() === '') return undefined
  let root = 'payload'
  try {
    const object = readPayloadObject(payload)
    root = Object.keys(object)[0] ?? root
    return validate(object) === true ? undefined : sentenceOf(validate.errors, root)
  } catch (error) {
    return error instanceof RangeError ? `${short(root)}: the schema cannot be applied to it` : 'payload: must be one well-formed element'
  }
}

/**
 * Compiles the schema of an operator: JSON Schema draft-07 over the shape of readPayloadObject. Never throws, follows no reference out of
 * the schema, and refuses what would be too much to compile or too slow to apply. The `description` beside a pattern or an enum makes
 * the sentence: "must be" and the description.
 */
export const compilePayloadSchema = (schema: unknown): CompiledSchema => {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema))) return { ok: false, error: 'a schema is an object' }
  try {
    const fault = schemaFault(schema)
    if (fault !== undefined) return { ok: false, error: fault }
    const validate = newAjv().compile(schema)
    return { ok: true, validate: (payload) => judge(validate, payload) }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message.replace(' ignored in schema', ' in schema').slice(0, 300) : 'the schema cannot be compiled' }
  }
}

let builtIn: Ajv | undefined

/** Compiles at the first payload, so that a start costs nothing; categories of one schema share what is compiled. */
const lazily = (schema: object): PayloadCheck => {
  let validate: ValidateFunction | undefined
  return (payload) => {
    validate ??= (builtIn ??= newAjv()).compile(schema)
    return judge(validate, payload)
  }
}

/** The check of every category that has a schema in section 7; what is not in here only needs to be well-formed. */
export const builtInPayloadChecks: ReadonlyMap<string, PayloadCheck> = new Map([...builtInPayloadSchemas].map(([name, schema]) => [name, lazily(schema)]))
