import type { DialogRef } from './dialogs.ts'

/** Says that numbers of some dialogs are no longer being used: their transaction is committed, or has failed. */
export type Release = () => void

/**
 * Who numbers notifications on this node. Numbers of a dialog are used before the transaction that takes them is committed, so that a crash or a rollback leaves used
 * numbers that no row tells of. Therefore an engine uses only numbers of dialogs that it has made its own in an earlier, committed transaction, far beyond
 * the numbers of whoever had it before (`dialog.sender`); and after a transaction of its own that failed it is somebody else.
 */
export interface Sender {
  readonly id: () => string
  /** To be called when numbers may have been used in a transaction that failed. */
  readonly renew: () => void
  /**
   * Says that numbers of these dialogs are about to be used, when it is known what became of those before: the server may have let go of a dialog before this node
   * has heard how that transaction ended.
   */
  readonly begin: (refs: readonly DialogRef[]) => Promise<Release>
}

/** `makeId` gives an id that no engine ever had. */
export const createSender = (makeId: () => string): Sender => {
  let id = makeId()
  const underWay = new Map<string, Promise<void>>()
  const keyOf = ({ subscriber, localTag }: DialogRef): string => `${subscriber}\n${localTag}`
  return {
    id: () => id,
    renew: () => { id = makeId() },
    begin: async (refs) => {
      const keys = refs.map(keyOf)
      for (let before = keys.flatMap((key) => underWay.get(key) ?? []); before.length > 0; before = keys.flatMap((key) => underWay.get(key) ?? [])) await Promise.all(before)
      let release: Release = () => undefined
      const ended = new Promise<void>((resolve) => { release = resolve })
      for (const key of keys) underWay.set(key, ended)
      return () => {
        for (const key of keys) underWay.delete(key)
        release()
      }
    },
  }
}
