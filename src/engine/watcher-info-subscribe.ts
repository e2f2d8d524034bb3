import { failure } from '../core/base/failure.ts'
import { writeWatcherInfo } from '../core/documents/watcher-info.ts'
import { checkRequired } from '../core/sip/extensions.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadWatchers, lookAgain } from '../store/watchers.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { subscribeOwn, type OwnPackage } from './own-subscribe.ts'
import { Refused } from './refused.ts'

/** All who watch the user, or wait to, in every answer to a SUBSCRIBE (RFC 3857 4.3); what changes is told by what its dialogs are owed. */
const watcherInfo: OwnPackage = {
  kind: 'winfo',
  mediaType: mediaTypes.watcherInfo,
  // Whoever watches may not know who else does (RFC 3857 4.6).
  toAnother: 'watcherInfoOfAnother',
  // RFC 3857 4.4.
  defaultExpires: 3600,
  readScope: () => [],
  opened: lookAgain,
  load: async (session, user, now) => {
    const write = writeWatcherInfo(user, 'full', await loadWatchers(session, user, now), now)
    return (_scope, cseq) => write(cseq)
  },
}

const EXTENSIONS = new Set(['ms-benotify', 'ms-piggyback-first-notify', 'com.microsoft.autoextend'])

/** Processes a SUBSCRIBE to presence.winfo (RFC 3857). A filter in its body is passed over, which leaves the default of the package (4.3). */
export const handleWatcherInfoSubscribe = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  const unsupported = checkRequired(request, EXTENSIONS)
  if (unsupported !== undefined) throw new Refused(unsupported)
  if (request.body.length > 0 && request.contentType !== mediaTypes.simpleFilter) throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.simpleFilter]] })
  return subscribeOwn(deps, call, watcherInfo)
}
