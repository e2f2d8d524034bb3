import type { AdminDeps } from './deps.ts'

/** Tells dialogs that have just been ended that they are. What ended stays so: whom this does not reach, the timer tells. */
export const tellEnded = async (deps: AdminDeps): Promise<void> => {
  try {
    await deps.endExpired()
  } catch (error) {
    deps.log.warn({ err: error }, 'ended subscriptions are told later')
  }
}
