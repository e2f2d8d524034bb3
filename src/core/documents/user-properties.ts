import { namespaces } from '../xml/namespaces.ts'
import { escapeXml } from '../xml/write.ts'

/** What a user's own clients need to know of the user (2.2.2.7.4); what is missing is left out. */
export interface UserPropertiesData {
  /** tel URI of the line. */
  readonly line: string | undefined
  readonly fax: string | undefined
  readonly street: string | undefined
  readonly city: string | undefined
  readonly state: string | undefined
  /** Two letters (ISO 3166). */
  readonly countryCode: string | undefined
  readonly postalCode: string | undefined
  readonly url: string | undefined
  readonly voiceMail: string | undefined
}

const write = (name: string, value: string | undefined): string => (value === undefined ? '' : `<${name}>${escapeXml(value)}</${name}>`)

/** The data of a userProperties instance, elements in the order of the schema (7.6). Without a line there is no telephony either (4.4.2). */
export const writeUserProperties = ({ line, fax, street, city, state, countryCode, postalCode, url, voiceMail }: UserPropertiesData): string =>
  `<userProperties xmlns="${namespaces.categories}">${line === undefined ? '' : `<lines><line lineType="Uc">${escapeXml(line)}</line></lines>`}` +
  `${write('telephonyMode', line === undefined ? 'None' : 'Uc')}${write('facsimileTelephoneNumber', fax)}${write('streetAddress', street)}${write('l', city)}${write('st', state)}` +
  `${write('countryCode', countryCode)}${write('postalCode', postalCode)}${write('wWWHomePage', url)}${write('exumEnabled', voiceMail === undefined ? undefined : '1')}${write('exumURL', voiceMail)}</userProperties>`
