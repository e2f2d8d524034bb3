import t from 'tap'
import { applyToStored, decideMove, isNewerList, isPermitted, MOVE_LEASE_MS, moveEvents, pauseAfter, refuseContactWrite } from '../../src/core/contacts/contact-store.ts'
import { writeContactDelta, writeContactList } from '../../src/core/documents/contact-list.ts'
import type { ContactChange, ContactDelta } from '../../src/core/model/contact.ts'
import { newContactList } from '../../src/core/model/contact.ts'
import { noMove, ucsModes, type ContactMove, type StoredContacts, type UcsMode } from '../../src/core/model/contact-store.ts'
import { isTouched, mergeTouches, noTouch } from '../../src/core/model/touch.ts'
import { writeInstruction } from '../../src/core/notifications/instruction.ts'
import { dialog, now } from './support.ts'

/** Where contact lists are kept (MS-PRES 3.10, 10). */

const user = 'anna@nordwind.example'
const at = (mode: UcsMode, more: Partial<ContactMove> = {}): ContactMove => ({ ...noMove(user), mode, epoch: 7, attempts: 2, reason: 'before', dueAt: 1, changedAt: 1, ...more })

t.test('3.10.4: every mode and every event, and nothing else happens', async (t) => {
  const expected: Readonly<Record<UcsMode, readonly (UcsMode | undefined)[]>> = {
    //           asked      taken        arrived     failed     withdrawn   returned
    disabled: ['allowed', undefined, undefined, undefined, undefined, undefined],
    allowed: [undefined, 'migrating', undefined, undefined, 'disabled', undefined],
    migrating: [undefined, undefined, 'migrated', 'allowed', 'disabled', undefined],
    migrated: [undefined, undefined, undefined, undefined, undefined, 'disabled'],
  }
  for (const mode of ucsModes) t.strictSame(moveEvents.map((event) => decideMove(at(mode), event, now)?.mode), expected[mode], mode)
})

t.test('3.10.4: what else an event changes', async (t) => {
  t.match(decideMove(at('disabled'), 'asked', now), { attempts: 0, reason: undefined, dueAt: now, epoch: 7, changedAt: now })
  t.match(decideMove(at('allowed'), 'taken', now), { attempts: 2, reason: 'before', dueAt: now + MOVE_LEASE_MS, epoch: now }, 'the reason of the last attempt stays until one succeeds')
  t.equal(decideMove(at('allowed', { epoch: now + 5 }), 'taken', now)?.epoch, now + 6, 'a clock that goes behind changes nothing')
  t.match(decideMove(at('migrating'), 'arrived', now), { attempts: 0, reason: undefined, dueAt: undefined, epoch: 7 })
  t.match(decideMove(at('migrating'), 'failed', now, 'why'), { attempts: 3, reason: 'why', dueAt: now + 8_000 })
  t.match(decideMove(at('migrating'), 'withdrawn', now, 'why'), { attempts: 0, reason: 'why', dueAt: undefined })
  t.strictSame([1, 2, 3, 11, 12, 60].map(pauseAfter), [2_000, 4_000, 8_000, 2_048_000, 3_600_000, 3_600_000], 'pauses grow up to an hour')
  t.strictSame([[true, false], [false, true], [undefined, true], [undefined, false]].map(([own, all]) => isPermitted(at('disabled', { permitted: own }), all === true)), [true, false, true, false])
})

t.test('3.10.4: who may change a list: nobody on the way; behind it, whoever is carried on', async (t) => {
  t.strictSame(ucsModes.map((mode) => [refuseContactWrite(mode, 'refuse')?.name, refuseContactWrite(mode, 'proxy')?.name]), [[undefined, undefined], [undefined, undefined], ['contactsMoving', 'contactsMoving'], ['contactsElsewhere', undefined]])
  t.strictSame(refuseContactWrite('migrating', 'proxy')?.headers, [['Retry-After', '30']])
})

t.test('10: ucsMode is the last attribute of both documents, and left out without another store', async (t) => {
  const change: ContactChange = { kind: 'deletedGroup', id: 3 }
  for (const mode of ucsModes) {
    t.match(writeContactList(newContactList, mode), `<contactList deltaNum="1" ucsMode="${mode}"><group`)
    t.equal(writeContactDelta({ prevDeltaNum: 4, deltaNum: 5, change }, mode), `<contactDelta deltaNum="5" prevDeltaNum="4" ucsMode="${mode}"><deletedGroup id="3"/></contactDelta>`)
  }
  t.notMatch(writeContactList(newContactList) + writeContactDelta({ prevDeltaNum: 4, deltaNum: 5, change }), /ucsMode/)
})

t.test('4.14.2: the last notification of a list that has moved', async (t) => {
  const { h, b } = writeInstruction(dialog({ kind: 'contacts', event: 'vnd-microsoft-roaming-contacts' }), { body: { type: 'a/b', text: '<x/>' }, terminated: 'migrated' }, now)
  t.match(h, /\r\nEvent: vnd-microsoft-roaming-contacts\r\nsubscription-state: terminated;expires=0\r\nExpires: 0\r\nms-diagnostics-public: 2186;reason="Contact subscription has been terminated as the user migrated to ucs mode\."\r\nContent-Type: a\/b\r\n$/)
  t.equal(b, '<x/>')
})

t.test('a new mode is something to tell, however many changes come with it', async (t) => {
  t.strictSame([isTouched(noTouch), isTouched({ ...noTouch, contactMode: true })], [false, true])
  t.strictSame(mergeTouches([{ ...noTouch, contactMode: true }, noTouch, { ...noTouch, contactMode: true }]), { ...noTouch, contactMode: true })
})

t.test('what a store takes: the newest list, and each change once', async (t) => {
  const list = (epoch: number, deltaNum: number): StoredContacts => ({ epoch, deltaNum, groups: [], contacts: [] })
  t.ok(isNewerList(list(1, 1), undefined))
  for (const [epoch, deltaNum, newer] of [[5, 9, false], [5, 8, false], [5, 10, true], [4, 99, false], [6, 1, true]] as const) t.equal(isNewerList(list(epoch, deltaNum), list(5, 9)), newer, `${epoch} ${deltaNum}`)
  const add = (deltaNum: number, id: number): ContactDelta => ({ prevDeltaNum: deltaNum - 1, deltaNum, change: { kind: 'addedGroup', group: { id, name: `g${id}`, externalUri: '' } } })
  const held = list(5, 9)
  t.equal(applyToStored(held, [add(8, 2), add(9, 3)]), held, 'nothing that it has passed')
  const after = applyToStored(held, [add(9, 3), add(10, 4), add(14, 5)])
  t.strictSame([after.epoch, after.deltaNum, after.groups.map(({ id }) => id)], [5, 14, [4, 5]], 'numbers may skip')
  t.strictSame(applyToStored(after, [add(10, 4), add(14, 5)]), after)
})
