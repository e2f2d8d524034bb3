import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { bareValue, readHeaderParams } from './header-values.ts'
import { readEventPackage } from './media-types.ts'

/** What an Event header says of a subscription (RFC 6665 8.2.1, RFC 6446 5). */
export interface EventHeader {
  readonly name: string
  /** Tells subscriptions of one subscriber to one resource apart (RFC 6665 8.2.1). */
  readonly id: string | undefined
  /** The most notifications in a second, as it was written (RFC 6446 5.1). */
  readonly maxRate: string | undefined
}

const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]{1,128}$/

// RFC 6446 8: at most two digits before the point, at most ten behind it.
const RATE = /^\d{1,2}(\.\d{1,10})?$/

/** Reads an Event header: 400 when its id is no token, since it must be given back; a rate that is none is passed over, as unknown parameters are. */
export const readEventHeader = (text: string): Result<EventHeader> => {
  const [, ...params] = text.split(';')
  const named = readHeaderParams(params.join(';'))
  const [id, rate = ''] = [named.get('id'), named.get('max-rate')]
  if (id !== undefined && !TOKEN.test(id)) return refuse(failure('malformedRequest', 'the id of Event is no token'))
  return ok({ name: readEventPackage(bareValue(text)), id, maxRate: RATE.test(rate) && Number(rate) > 0 ? rate : undefined })
}

/** As notifications give it back: the package and the id (RFC 6665 8.2.1). */
export const writeEventHeader = ({ name, id }: EventHeader): string => `${name}${id === undefined ? '' : `;id=${id}`}`

/** As a dialog keeps it. */
export const keepEventHeader = (event: EventHeader): string => `${writeEventHeader(event)}${event.maxRate === undefined ? '' : `;max-rate=${event.maxRate}`}`

/** What a dialog keeps of its Event header. */
export const keptEventHeader = (kept: string): EventHeader => {
  const [name = '', ...params] = kept.split(';')
  const find = (start: string): string | undefined => params.find((param) => param.startsWith(start))?.slice(start.length)
  return { name, id: find('id='), maxRate: find('max-rate=') }
}
