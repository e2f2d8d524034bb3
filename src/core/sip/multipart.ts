/** One part of a multipart body; `contentId` only where a document refers to it. */
export interface MultipartPart {
  readonly type: string
  readonly contentId?: string
  readonly text: string
}

/**
 * A multipart/related body as 2.2.2.4.2 wants it: binary transfer encoding, and an empty line before each boundary
 * (real clients cut the part there). The boundary is handed in and must not occur in any part.
 */
export const writeMultipart = (parts: readonly MultipartPart[], boundary: string): string => {
  let body = ''
  for (const part of parts) {
    body += `--${boundary}\r\nContent-Transfer-Encoding: binary\r\n`
    if (part.contentId !== undefined) body += `Content-ID: ${part.contentId}\r\n`
    body += `Content-Type: ${part.type}\r\n\r\n${part.text}\r\n\r\n`
  }
  return `${body}--${boundary}--\r\n`
}

/** Content-Type of such a body: the boundary comes last, where old clients look for it. */
export const multipartRelatedType = (rootType: string, start: string, boundary: string): string =>
  `multipart/related; type="${rootType}";start=${start};boundary=${boundary}`
