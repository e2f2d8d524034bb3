import { failure } from '../core/base/failure.ts'
import { writeProvisionGroups } from '../core/documents/provisioning.ts'
import { readProvisioningGroups } from '../core/requests/provisioning.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { openDialog } from '../core/subscriptions/dialog.ts'
import { poolSession } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { expectAccept, expectOwn } from './own-subscribe.ts'
import { Refused } from './refused.ts'
import { answerWithData } from './subscribe-answer.ts'

/** Processes a SUBSCRIBE to vnd-microsoft-provisioning-v2 (MS-SIPREGE 2.2.2.1): always answered once and over, whatever Expires says. */
export const handleProvisioning = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, now } = call
  await expectOwn(deps, call)
  expectAccept(call, mediaTypes.provisioning)
  if (request.body.length > 0 && request.contentType !== mediaTypes.provisioning) throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.provisioning]] })
  const asked = readProvisioningGroups(request.body)
  if (!asked.ok) throw new Refused(asked.failure)
  if (!(await findExistingUsers(poolSession(deps.store.pool), [request.fromUser])).has(request.fromUser)) throw new Refused(failure('userNotFound'))
  const text = writeProvisionGroups(asked.value, await deps.provisioning.groups(request.fromUser))
  const opened = openDialog({ ...request, expires: 0 }, {
    kind: 'contacts', localTag: deps.chance.tag(), endpointId: undefined, path: pathOf(call), scope: [], since: 0, limits: deps.limits.subscriptionExpires, chance: 0, sender: deps.sender.id(),
  }, now)
  if (!opened.ok) throw new Refused(opened.failure)
  return answerWithData(request, opened.value, { type: mediaTypes.provisioning, text }, now)
}
