import { pino, type DestinationStream, type Logger } from 'pino'

export type Log = Logger

/** Structured logs on standard output, one JSON object a line. Whatever may hold a secret is cut out before it is written. */
export const createLog = (level: string, destination?: DestinationStream): Log => {
  const options = { level, base: null, redact: { paths: ['secret', '*.secret', 'adminKey', 'authorization', '*.authorization', 'headers.authorization', 'databaseUrl'], censor: '[secret]' } }
  return destination === undefined ? pino(options) : pino(options, destination)
}
