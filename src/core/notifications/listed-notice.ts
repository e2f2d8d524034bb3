import { failureEntry } from '../base/failure.ts'
import type { Dialog } from '../model/dialog.ts'
import { writeResourceList } from '../documents/resource-list.ts'
import type { InstanceState } from '../documents/rlmi.ts'
import type { UserKey } from '../sip/uri.ts'
import type { Notice } from './instruction.ts'

/** How a list says what a notice says of a subscription of its own (RFC 4662 5.5); undefined for one that carries a document, which may stand alone in a list (MS-SIP 4.4). */
export const instanceOfNotice = ({ pending, terminated }: Pick<Notice, 'pending' | 'terminated'>): InstanceState | undefined => {
  if (pending === true) return { state: 'pending' }
  return terminated === undefined ? undefined : { state: 'terminated', reason: terminated, ...(terminated === 'rejected' ? { statusCode: failureEntry('accessDenied').status } : {}) }
}

/** A notice about one resource as a dialog tells it: in a list, which goes on, by the meta-information alone where there is no document. */
export const noticeIn = (dialog: Pick<Dialog, 'kind' | 'subscriber' | 'localTag' | 'cseq' | 'rlmiVersion'>, publisher: UserKey, notice: Notice): Notice => {
  const instance = dialog.kind === 'adrl' ? instanceOfNotice(notice) : undefined
  if (instance === undefined) return notice
  return { body: writeResourceList({ subscriber: dialog.subscriber, version: dialog.rlmiVersion, fullState: false }, [{ user: publisher, instance }], `${dialog.localTag}-${dialog.cseq}`) }
}
