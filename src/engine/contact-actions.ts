import { failure } from '../core/base/failure.ts'
import { refuse, type Result } from '../core/base/result.ts'
import { decideContactAction, type ContactLimits } from '../core/contacts/change-contacts.ts'
import type { ContactContent } from '../core/contacts/compare-lists.ts'
import { refuseContactWrite } from '../core/contacts/contact-store.ts'
import { decideContactImport } from '../core/contacts/import-contacts.ts'
import { writeAddGroupAnswer } from '../core/documents/soap.ts'
import type { ContactList, ContactOutcome } from '../core/model/contact.ts'
import type { ContactMove } from '../core/model/contact-store.ts'
import { readContactAction, type ContactAction } from '../core/requests/contact-actions.ts'
import type { SoapRequest } from '../core/requests/soap.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { loadMove, lookSoon, oweChanges } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import { loadUserLimits } from '../store/limits.ts'
import { applyContacts, lockForContacts } from '../store/publisher.ts'
import { transact, type Session, type Transaction } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** The number of a group is in the answer to the request that added it; a repeated one finds it by its name. */
const answerAgain = (action: ContactAction, list: ContactList): ContactOutcome['answer'] => {
  const group = action.kind === 'addGroup' ? list.groups.find(({ name }) => name === action.name) : undefined
  return group === undefined ? undefined : { type: mediaTypes.soapAnswer, text: writeAddGroupAnswer(group.id) }
}

/** What replacing a contact list needs of the engine. */
export type ContactDeps = Pick<EngineDeps, 'store' | 'now' | 'migratedWrites'> & { readonly limits: Pick<EngineDeps['limits'], 'contacts'>; readonly features: Pick<EngineDeps['features'], 'contactStore'> }

/** A user's own bounds go before those of the deployment. */
export const loadContactLimits = async (session: Session, { limits: { contacts } }: ContactDeps, user: UserKey): Promise<ContactLimits> => {
  const { maxContacts } = await loadUserLimits(session, user)
  return maxContacts === undefined ? contacts : { ...contacts, maxContacts }
}

/** Where the list is kept; undefined without a store elsewhere. */
const loadPlace = async (session: Session, { features }: ContactDeps, user: UserKey): Promise<ContactMove | undefined> => (features.contactStore ? loadMove(session, user) : undefined)

/** Writes what was decided, and owes it to the store that keeps the list, where there is one. */
const apply = (tx: Transaction, user: UserKey, place: ContactMove | undefined, deltas: ContactOutcome['deltas'], trace: string, now: number): void => {
  applyContacts(tx, user, deltas, trace, now)
  if (place?.mode !== 'migrated' || deltas.length === 0) return
  void oweChanges(tx, user, deltas)
  void lookSoon(tx, user, now)
}

/** Carries out a SOAP request on the sender's contact list (MS-SIP 3.7.4), inside a dialog or outside of any. */
export const handleContactAction = async (deps: EngineDeps, { request, arrival, now }: Call, soap: SoapRequest): Promise<Answer> => {
  const action = readContactAction(soap)
  if (!action.ok) throw new Refused(action.failure)
  const user = request.fromUser
  const key = { publisher: user, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  const answer = (toTag: string, body: ContactOutcome['answer'], touched: Answer['touched']): Answer =>
    ({ reply: { status: 200, reason: 'OK', toTag: request.toTag ?? toTag, headers: body === undefined ? [] : [['Content-Type', body.type]], body: body?.text ?? '' }, notify: [], touched })
  return transact(deps.store.pool, async (tx) => {
    const [known, before, list, limits, place] = await Promise.all([lockForContacts(tx, user), findAnswered(tx, key), loadContactList(tx, user), loadContactLimits(tx, deps, user), loadPlace(tx, deps, user)])
    if (!known) throw new Refused(failure('publisherNotFound'))
    if (before !== undefined) return answer(before, answerAgain(action.value, list), [])
    const refused = place === undefined ? undefined : refuseContactWrite(place.mode, deps.migratedWrites)
    if (refused !== undefined) throw new Refused(refused)
    const decided = decideContactAction(action.value, list, limits)
    if (!decided.ok) throw new Refused(decided.failure)
    const toTag = deps.chance.tag()
    apply(tx, user, place, decided.value.deltas, arrival.trace, now)
    void putAnswered(tx, key, toTag, now)
    return answer(toTag, decided.value.answer, [user])
  })
}

/** Changes a user's list as its operator decides; the list afterwards, and whether anybody must be told. */
export const changeContactsForUser = (deps: ContactDeps, user: UserKey, decide: (list: ContactList, limits: ContactLimits) => Result<ContactOutcome>, trace: string): Promise<Result<ContactOutcome>> =>
  transact(deps.store.pool, async (tx): Promise<Result<ContactOutcome>> => {
    const [known, list, limits, place] = await Promise.all([lockForContacts(tx, user), loadContactList(tx, user), loadContactLimits(tx, deps, user), loadPlace(tx, deps, user)])
    if (!known) return refuse(failure('publisherNotFound'))
    const refused = place === undefined ? undefined : refuseContactWrite(place.mode, deps.migratedWrites)
    if (refused !== undefined) return refuse(refused)
    const decided = decide(list, limits)
    if (decided.ok) apply(tx, user, place, decided.value.deltas, trace, deps.now())
    return decided
  })

/** Replaces a user's list as a whole; where the operator names the number that it has seen, only if it is still that one. */
export const importContactsForUser = (deps: ContactDeps, user: UserKey, content: ContactContent, deltaNum: number | undefined, trace: string): Promise<Result<ContactOutcome>> =>
  changeContactsForUser(deps, user, (list, limits) => (deltaNum === undefined || deltaNum === list.deltaNum ? decideContactImport(content, list, limits)
    : refuse(failure('contactsConflict', `deltaNum ${deltaNum}, current ${list.deltaNum}`))), trace)
