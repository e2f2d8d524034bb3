import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { validateXML } from 'xmllint-wasm'
import { cutParts } from './heard.ts'

const folder = join(import.meta.dirname, '../structures')
const preload = readdirSync(folder).map((fileName) => ({ fileName, contents: readFileSync(join(folder, fileName), 'utf8') }))

/** The schemas in test/structures, by name. */
export type Structure = 'pidf' | 'msrtc-presence' | 'rlmi' | 'access-list' | 'contact-list' | 'soap' | 'watcherinfo'

/** What a reader that shares nothing with ours (libxml2) finds wrong with documents, by the schema they shall have. */
export const findFaults = async (structure: Structure, documents: readonly string[]): Promise<readonly string[]> => {
  const schema = preload.find(({ fileName }) => fileName === `${structure}.xsd`)
  if (schema === undefined) throw new Error(`no schema ${structure}`)
  const { errors } = await validateXML({ xml: documents.map((contents, at) => ({ fileName: `${at}.xml`, contents })), schema, preload })
  return errors.map(({ rawMessage }) => rawMessage)
}

/** Passes when all documents have the structure, and there is at least one. */
export const hasStructure = async (t: Test, structure: Structure, documents: readonly string[], message: string = structure): Promise<void> => {
  t.ok(documents.length > 0, `${message}: there are documents`)
  t.same(await findFaults(structure, documents), [], `${message}: ${documents.length} documents`)
}

/** Which schema a document of a media type shall have, in small letters; SOAP answers of other actions than the search have no schema here. */
const structureOf = (type: string, text: string): Structure | undefined => {
  const bare = type.split(';', 1)[0]?.trim().toLowerCase()
  if (bare === 'application/soap+xml') return /:directorySearch\b/.test(text) ? 'soap' : undefined
  return ({
    'text/xml+msrtc.pidf': 'msrtc-presence', 'application/rlmi+xml': 'rlmi', 'application/vnd-microsoft-roaming-acls+xml': 'access-list', 'application/vnd-microsoft-roaming-contacts+xml': 'contact-list', 'application/watcherinfo+xml': 'watcherinfo',
  } as const)[bare ?? '']
}

/** Documents by the schema that they shall have. */
export type Documents = Map<Structure, string[]>

/** Notes the documents of a message, or of its parts, for a look at all of them together. */
export const noteDocuments = (documents: Documents, type: string, body: string): void => {
  if (body === '') return
  if (/^multipart\//i.test(type)) {
    for (const { headers, text } of cutParts(type, body)) noteDocuments(documents, /^Content-Type: (.*)$/im.exec(headers.join('\n'))?.[1] ?? '', text)
    return
  }
  const structure = structureOf(type, body)
  if (structure !== undefined) documents.set(structure, [...documents.get(structure) ?? [], body])
}
