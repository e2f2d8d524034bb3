import { isPrivate } from '../core/categories/registry.ts'
import { writeBatch } from '../core/documents/batch.ts'
import type { Rejection } from '../core/documents/rlmi.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { viewOf, writeSeenState } from '../core/notifications/category.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadStates } from '../store/publisher.ts'
import { poolSession } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { oweRest } from './owe-rest.ts'
import { answerWithData } from './subscribe-answer.ts'

/** Publishers with the categories of each that are watched. */
export type Watched = ReadonlyMap<UserKey, readonly string[]>

/**
 * Reads the latest state of the publishers and writes what the subscriber sees of each, in a statement after the dialog was stored. What does not
 * fit into one message is owed to the dialog and told right after it.
 */
export const answerWithViews = async (deps: EngineDeps, call: Call, dialog: Dialog, watched: Watched, rejections: readonly Rejection[]): Promise<Answer> => {
  const states = await loadStates(poolSession(deps.store.pool), [...watched.keys()], [...new Set([...watched.values()].flat())], deps.now())
  const watcher = { user: call.request.fromUser, network: call.network }
  const hidden = isPrivate(await deps.categories.registry())
  const documents: string[] = []
  const left: UserKey[] = []
  let bytes = 0
  for (const [publisher, categories] of watched) {
    const document = writeSeenState(viewOf(states(publisher), hidden), watcher, categories)
    const size = Buffer.byteLength(document)
    // A poll has no dialog in which the rest could be told.
    if (documents.length > 0 && bytes + size > deps.limits.maxAnswerBytes && dialog.expiresAt > call.now) {
      left.push(publisher)
      continue
    }
    documents.push(document)
    bytes += size
  }
  await oweRest(deps, dialog, left, call.now)
  return answerWithData(call.request, dialog, writeBatch(call.request.fromUser, rejections, documents, deps.chance.boundary()), call.now)
}
