import { weighEntry, writeEventList, type ToldEntry } from '../documents/event-list.ts'
import type { Dialog } from '../model/dialog.ts'
import type { DialogList, ListEntry, WatchedEntry } from '../model/resource-list.ts'
import type { UserKey } from '../sip/uri.ts'
import { instanceOfNotice } from './listed-notice.ts'
import type { Notice } from './instruction.ts'

/** What a list says of a resource that has something to tell: its document, or that it waits for leave or is over (RFC 4662 5.5). */
export const tellEntry = ({ user, name }: ListEntry, notice: Notice): ToldEntry => {
  const ended = instanceOfNotice(notice)
  if (ended?.state === 'terminated') return { user, name, instance: { state: 'terminated', reason: ended.reason } }
  return { user, name, instance: ended ?? { state: 'active' }, document: notice.body }
}

/** What a list says of all that is on it. */
export const tellEntries = (entries: readonly WatchedEntry[], noticeOf: (user: UserKey) => Notice | undefined): readonly ToldEntry[] =>
  entries.map((entry) => {
    const { user, name, refused } = entry
    if (refused !== undefined) return { user, name, instance: { state: 'terminated', reason: refused } }
    const notice = noticeOf(user)
    return notice === undefined ? { user, name, instance: undefined } : tellEntry(entry, notice)
  })

/** As many documents as one message may hold beside the names of all, one at least; of the others nothing is told yet. */
export const fitEntries = (entries: readonly ToldEntry[], maxBytes: number): { readonly told: readonly ToldEntry[]; readonly left: ReadonlySet<UserKey> } => {
  const left = new Set<UserKey>()
  const nameOnly = ({ user, name }: ToldEntry): ToldEntry => ({ user, name, instance: undefined })
  let bytes = entries.reduce((sum, entry) => sum + weighEntry(entry.document === undefined ? entry : nameOnly(entry)), 0)
  let documents = 0
  const told = entries.map((entry) => {
    if (entry.document === undefined) return entry
    const size = weighEntry(entry) - weighEntry(nameOnly(entry))
    if (documents > 0 && bytes + size > maxBytes) {
      left.add(entry.user)
      return nameOnly(entry)
    }
    bytes += size
    documents += 1
    return entry
  })
  return { told, left }
}

/**
 * The body of a notification of a list. Its version is 0 in the first one and one more in each (RFC 4662 5.2), as the CSeq is, which starts at 1: both rise together for ever, also where a crash
 * leaves it open which numbers were used up. Where numbers are skipped for that reason, the version shows it, and the client asks for the whole list (5.6.2).
 */
export const writeListNotice = ({ localTag, cseq }: Pick<Dialog, 'localTag' | 'cseq'>, { uri, name }: Pick<DialogList, 'uri' | 'name'>, entries: readonly ToldEntry[], fullState: boolean): { readonly type: string; readonly text: string } =>
  writeEventList({ subscriber: uri, name: fullState ? name : undefined, version: cseq - 1, fullState }, entries, `${localTag}-${cseq}`)
