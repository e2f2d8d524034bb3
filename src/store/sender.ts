import type { DialogRef } from './dialogs.ts'

/**
 * Who numbers notifications on this node. Numbers of a dialog are used before the transaction that takes them is committed, so that a crash or a rollback leaves used
 * numbers that no row tells of. Therefore an engine uses only numbers of dialogs that it has made its own in an earlier, committed transaction, far beyond
 * the numbers of whoever had it before (`dialog.sender`); and after a transaction of its own that failed it is somebody else.
 */
export interface Sender {
  readonly id: () => string
  /** To be called when numbers may have been used in a transaction that failed. */
  readonly renew: () => void
  /** Says that numbers of these dialogs are being used; false when that is already so, which can only be behind a transaction that the server rolled back unheard. */
  readonly begin: (refs: readonly DialogRef[]) => boolean
  readonly end: (refs: readonly DialogRef[]) => void
}

/** `makeId` gives an id that no engine ever had. */
export const createSender = (makeId: () => string): Sender => {
  let id = makeId()
  const underWay = new Set<string>()
  const keyOf = ({ subscriber, localTag }: DialogRef): string => `${subscriber}\n${localTag}`
  return {
    id: () => id,
    renew: () => { id = makeId() },
    begin: (refs) => {
      if (refs.some((ref) => underWay.has(keyOf(ref)))) return false
      for (const ref of refs) underWay.add(keyOf(ref))
      return true
    },
    end: (refs) => { for (const ref of refs) underWay.delete(keyOf(ref)) },
  }
}
