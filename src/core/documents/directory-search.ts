import { failureEntry, type Failure } from '../base/failure.ts'
import type { DirectoryResults, FoundPerson } from '../model/directory-search.ts'
import { directoryText } from '../model/directory.ts'
import { mediaTypes } from '../sip/media-types.ts'
import { writeUserUri } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

const envelope = (content: string): string =>
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${namespaces.soapEnvelope}" xmlns:m="${namespaces.soapActions}"><SOAP-ENV:Body>${content}</SOAP-ENV:Body></SOAP-ENV:Envelope>`

/** The attributes of a row behind its uri, in the order of the schema (8.2); clients want all of them, empty where nothing is known. */
const attributes = ['displayName', 'title', 'office', 'phone', 'company', 'city', 'state', 'country', 'email'] as const

const writeRow = (person: FoundPerson): string =>
  `<m:row${writeAttribute('m:uri', writeUserUri(person.user))}${attributes.map((name) => writeAttribute(`m:${name}`, directoryText(person[name]) ?? '')).join('')}/>`

/** The answer to a search (4.1, 8.2). What does not fit into `maxBytes` is left out and counts as more that is available. */
export const writeDirectoryAnswer = ({ people, more }: DirectoryResults, maxBytes: number): string => {
  const rows: string[] = []
  let bytes = 0
  for (const row of people.map(writeRow)) {
    bytes += Buffer.byteLength(row)
    if (bytes > maxBytes) break
    rows.push(row)
  }
  return envelope(`<m:directorySearch><m:moreAvailable>${more || rows.length < people.length}</m:moreAvailable><m:returned>${rows.length}</m:returned><m:value m:href="#rows"/></m:directorySearch>` +
    `<m:Array m:id="rows">${rows.join('')}</m:Array>`)
}

/** The fault code of a status (3.1.5.4); refusals that the table does not know are the client's up to 499 (SOAP 1.1, 4.4.1). */
const faultCode = (status: number): string =>
  status === 503 ? 'Server.Unavailable.Busy' : status === 403 ? 'Client.NotAuthorized.UserSearch' : status < 500 ? 'Client.BadCall' : 'Server.UnknownError'

/** A refusal of a search with the fault that clients of it read (4.1). The element has a capital letter and no namespace there, against SOAP. */
export const withSearchFault = (refused: Failure): Failure => ({
  ...refused, body: { type: mediaTypes.soapAnswer, text: envelope(`<SOAP-ENV:Fault><Faultcode>${faultCode(failureEntry(refused.name).status)}</Faultcode></SOAP-ENV:Fault>`) },
})
