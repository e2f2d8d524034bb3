import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares secrets in constant time; digests first, so that not even the length shows. */
export const sameSecret = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected))

/** The id and secret of an HTTP Basic header (RFC 7617), or undefined when it is none. */
export const readBasic = (header: string | undefined): { readonly id: string; readonly secret: string } | undefined => {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

/** The key of a Bearer header (RFC 6750), or undefined. */
export const readBearer = (header: string | undefined): string | undefined => /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(header ?? '')?.[1]
