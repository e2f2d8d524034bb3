/** What the directory knows of a user; the operator is its source here, and everything but the name may be missing. */
export interface DirectoryEntry {
  readonly displayName: string
  readonly email?: string
  /** The work telephone; where it is a number, the line of the user (2.2.2.7.4). */
  readonly phone?: string
  readonly fax?: string
  readonly voiceMail?: string
  readonly street?: string
  readonly city?: string
  readonly state?: string
  readonly postalCode?: string
  readonly country?: string
  readonly url?: string
}

// What XML 1.0 has no way to write, not even as a reference.
const NOT_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu

/** A text of the directory on one line, without what XML cannot carry; undefined when nothing is left. Most elements of 7.6 are tokens, which have no line breaks. */
export const directoryText = (text: unknown): string | undefined =>
  typeof text !== 'string' ? undefined : text.replace(NOT_XML, '').replace(/[ \t\r\n]+/g, ' ').trim() || undefined
