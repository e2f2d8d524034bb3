import type { Failure } from './failure.ts'

/** The only error channel inside the core: a value, or the refusal that takes its place. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })

export const refuse = (failure: Failure): { readonly ok: false; readonly failure: Failure } => ({ ok: false, failure })
