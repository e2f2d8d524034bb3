import { createHash } from 'node:crypto'

/** The entity tag of a document (RFC 5839 5.1): the same for the same document, whoever has written it and whenever, so that nobody has to remember it. */
export const entityTagOf = (body: string): string => createHash('sha256').update(body).digest('base64url').slice(0, 22)

/** Does a watcher that says so already have this document (RFC 5839 5.2)? `*` is whatever it has. */
export const isSuppressed = (suppressIfMatch: string | undefined, body: string): boolean => suppressIfMatch !== undefined && (suppressIfMatch === '*' || suppressIfMatch === entityTagOf(body))
