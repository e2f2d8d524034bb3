import { createAdmission, type Admission } from '../../src/http/proxy/admission.ts'

/** Nothing is ever too much. */
export const calm: Admission = createAdmission({
  bounds: { inFlight: Infinity, databaseWaitMs: Infinity, eventLoopDelayMs: Infinity }, databaseWaitMs: () => 0, eventLoopDelayMs: () => 0, isDatabaseAway: () => false, fraction: () => 0,
})
