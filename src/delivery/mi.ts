/** The answer to a command of OpenSIPS' Management Interface (JSON-RPC 2.0). */
export type MiAnswer = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } }

export type MiParams = Readonly<Record<string, string>>

/** A way to the Management Interface of one OpenSIPS. */
export interface MiLine {
  /** Asks for something that is answered at once. Rejects when there is no answer in time, or none that can be read. */
  readonly ask: (method: string, params?: MiParams) => Promise<MiAnswer>
  /**
   * Begins a command that is answered in its own time, or never; what is begun is taken in order, and before what is asked for later. Undefined where OpenSIPS does
   * nothing else until it has answered. `answered` is called once, without an answer where none came for as long as there can be one.
   */
  readonly begin?: (method: string, params: MiParams, answered: (answer: MiAnswer | undefined) => void) => void
  /** Longest command that it can carry, in bytes of its JSON. */
  readonly maxBytes: number
  readonly close: () => void
}

export const writeCommand = (id: number, method: string, params?: MiParams): string => JSON.stringify({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** Reads an answer with the id of its command; throws for anything else. */
export const readMiAnswer = (text: string): { readonly id: unknown; readonly answer: MiAnswer } => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`OpenSIPS answered no JSON: ${text.slice(0, 80)}`)
  }
  if (!isObject(value)) throw new Error(`OpenSIPS answered no JSON-RPC: ${text.slice(0, 80)}`)
  const { id, error, result } = value
  if (isObject(error) && typeof error['code'] === 'number') return { id, answer: { error: { code: error['code'], message: String(error['message'] ?? '') } } }
  if (result === undefined) throw new Error(`OpenSIPS answered no JSON-RPC: ${text.slice(0, 80)}`)
  return { id, answer: { result } }
}

/** The refusals of JSON-RPC itself: this OpenSIPS does not have what it was asked for, or not so. -32000 is a command that came to nothing. */
export const isProtocolError = (answer: MiAnswer): boolean => 'error' in answer && answer.error.code <= -32_600
