import { createHash } from 'node:crypto'
import { secondsLeft, type Instant } from '../base/instant.ts'
import type { Watcher } from '../model/watcher.ts'
import { writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'

/** The id of a watcher: the same as long as its subscription lives, and behind that, and nothing that could be used in its dialog (RFC 3858 4.3). */
export const watcherId = (localTag: string): string => createHash('sha256').update(localTag).digest('hex').slice(0, 16)

const writeWatcher = ({ user, localTag, displayName, status, event, beganAt, expiresAt }: Watcher, now: Instant): string => {
  const ended = expiresAt === undefined
  const life = ended ? '' : `${writeAttribute('expiration', secondsLeft(expiresAt, now))}${writeAttribute('duration-subscribed', Math.max(0, Math.floor((now - beganAt) / 1000)))}`
  return `<watcher id="${watcherId(localTag)}" status="${status}" event="${event}"${displayName === '' ? '' : writeAttribute('display-name', displayName)}${life}>${escapeXml(writeUserUri(user))}</watcher>`
}

/** All watchers, or only those of whom something has changed. */
export type WatcherInfoState = 'full' | 'partial'

/**
 * A watcher information document (RFC 3858 4), to be written by the number of the notification that carries it. Versions begin with 0 and rise by one with each document of a dialog
 * (4.1): since each of its notifications carries one, the version is the number before. Numbers are never used twice; where some are skipped, because another engine has
 * taken over, the client finds that it has missed versions, takes the document, and asks for the whole (4.2).
 */
export const writeWatcherInfo = (presentity: UserKey, state: WatcherInfoState, watchers: readonly Watcher[], now: Instant): ((cseq: number) => string) => {
  const list = `<watcher-list${writeAttribute('resource', writeUserUri(presentity))} package="presence">${watchers.map((watcher) => writeWatcher(watcher, now)).join('')}</watcher-list>`
  return (cseq) => `<?xml version="1.0" encoding="utf-8"?><watcherinfo xmlns="${namespaces.watcherInfo}" version="${cseq - 1}" state="${state}">${list}</watcherinfo>`
}
