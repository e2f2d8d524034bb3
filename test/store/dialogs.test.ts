import t from 'tap'
import type { Dialog } from '../../src/core/model/dialog.ts'
import { NUMBERS_AHEAD } from '../../src/core/subscriptions/dialog.ts'
import { defer, findDueDialogs, LEFT_TO_SENDER_MS, loadDue, postpone, settleDeferred, tidyDebts } from '../../src/store/deferred.ts'
import {
  deleteDialogs, expireDialogs, findEndpointDialogs, insertDialog, loadDialogs, loadSelfDialogs, lockDialog, lockDialogs, refreshDialog, type DialogRef,
} from '../../src/store/dialogs.ts'
import { findStaleLists, loadDialogLists, putDialogList } from '../../src/store/dialog-lists.ts'
import { oweEverything } from '../../src/store/dialog-debts.ts'
import { lockFailing, noteFailure } from '../../src/store/dialog-failures.ts'
import { putEndpoint } from '../../src/store/endpoints.ts'
import { adoptDialogs, adoptExpired, claimExpiredDialogs, lockForNumbering, lockFree, takeNumbers } from '../../src/store/numbering.ts'
import { deleteResourceList, findServedList, listResourceLists, putResourceList } from '../../src/store/resource-lists.ts'
import { poolSession, statement, transact, type Transaction } from '../../src/store/session.ts'
import { deleteResources, loadEdgesOfDialogs, loadNamedSubscriptions, loadResources, loadSubscriptions, putResources } from '../../src/store/subscriptions.ts'
import { createUser } from '../../src/store/users.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { AWKWARD, anna, bert, carl, sampleDialog, sampleEndpoint, SENDER } from './samples.ts'
import { countDeferred } from '../support/pending.ts'

const { store, reset } = await openTestStore(t)
const { pool } = store
const session = poolSession(pool)
t.beforeEach(reset)

const within = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transact(pool, work)
const insert = (...dialogs: readonly ReturnType<typeof sampleDialog>[]): Promise<void> => within(async (tx) => { for (const dialog of dialogs) void insertDialog(tx, dialog) })
const ref = (localTag: string, subscriber = anna): { subscriber: string; localTag: string } => ({ subscriber, localTag })
const addPublishers = (): Promise<void> => within(async (tx) => { for (const user of [anna, bert, carl]) void createUser(tx, user, user, [], 77) })
const debt = (localTag: string, publisher: string, dueAt: number, attempts = 1) => ({ ...ref(localTag), publisher, attempts, dueAt })

/** Locks and numbers, as whoever sends does. */
const number = async (tx: Transaction, refs: readonly (DialogRef & { readonly count: number })[], now: number): Promise<readonly Dialog[]> => {
  const [, numbered] = await Promise.all([lockForNumbering(tx, refs, SENDER), takeNumbers(tx, refs.map((one) => ({ ...one, trace: 'trace' })), SENDER, now)])
  return numbered
}

t.test('a dialog comes back as it was stored', async (t) => {
  const full = sampleDialog({ localText: AWKWARD, remoteText: AWKWARD, routes: [AWKWARD, '', '<sip:a,b;lr>'], scope: ['categories', 'containers'], kind: 'self', cseq: 2_147_483_647, remoteCseq: 2_147_483_647, flow: AWKWARD, rlmiVersion: 2_147_483_647 })
  const bare = sampleDialog({ localTag: 'bare', endpointId: undefined, routes: [], benotify: false, network: 'publicCloud', networkNamed: true, kind: 'single' })
  await insert(full, bare)
  t.same([...await loadDialogs(session, anna)].sort((a, b) => (a.localTag < b.localTag ? -1 : 1)), [bare, full])
  t.same(await loadDialogs(session, bert), [])
  t.same(await within((tx) => lockDialog(tx, ref('bare'))), bare)
  t.equal(await within((tx) => lockDialog(tx, ref('bare', bert))), undefined)
  await t.rejects(insert(full), { code: '23505' })
})

t.test('a refresh writes what an in-dialog SUBSCRIBE may change, and nothing else', async (t) => {
  const dialog = sampleDialog()
  await insert(dialog)
  await within((tx) => noteFailure(tx, ref('local'), { failures: 2, failedAt: 90, stalledAt: 80, failedCseq: 1 }, 500))
  const renewed = { ...dialog, cseq: 9, remoteCseq: 8, scope: ['subscribers'] as const, target: 't', routes: ['r'], proxy: 'kam2', flow: 'f2', contact: 'c2', benotify: false, expiresAt: 5, network: 'federated' as const, networkNamed: true, rlmiVersion: 6, event: 'presence;max-rate=1' }
  await within((tx) => refreshDialog(tx, { ...renewed, callId: 'other', remoteTag: 'other', kind: 'self', createdAt: 1 }))
  t.same(await loadDialogs(session, anna), [renewed])
  t.match(await within((tx) => lockFailing(tx, { ...ref('local'), callId: 'call', remoteTag: 'remote' }, 4)), { failures: 0 }, 'failures start again')
})

t.test('only living self dialogs are loaded as such', async (t) => {
  await insert(sampleDialog({ localTag: 'living', kind: 'self', expiresAt: 101 }), sampleDialog({ localTag: 'ended', kind: 'self', expiresAt: 100 }), sampleDialog({ localTag: 'batch', expiresAt: 101 }), sampleDialog({ localTag: 'bert', subscriber: bert, kind: 'self', expiresAt: 101 }))
  t.same((await loadSelfDialogs(session, [anna, carl], 100)).map(({ localTag }) => localTag), ['living'])
})

t.test('dialogs follow their endpoint to its new connection', async (t) => {
  await insert(sampleDialog(), sampleDialog({ localTag: 'elsewhere', endpointId: 'other' }), sampleDialog({ localTag: 'bert', subscriber: bert }))
  await within(async (tx) => { void putEndpoint(tx, anna, sampleEndpoint({ proxy: 'kam2', flow: 'flow;2' })) })
  t.same((await loadDialogs(session, anna)).map(({ localTag, proxy, flow }) => `${localTag} ${proxy} ${flow}`).sort(), ['elsewhere kam1 flow;1', 'local kam2 flow;2'])
  t.equal((await loadDialogs(session, bert))[0]?.flow, 'flow;1')
  t.same(await within((tx) => findEndpointDialogs(tx, anna, [sampleEndpoint().endpointId, 'none'])), [ref('local')])
})

t.test('what a dialog is owed follows it to another connection, and is due there at once', async (t) => {
  await addPublishers()
  await insert(sampleDialog(), sampleDialog({ localTag: 'elsewhere', endpointId: 'other' }))
  const owe = (): Promise<unknown> => within((tx) => defer(tx, ['local', 'elsewhere'].flatMap((localTag) => [debt(localTag, bert, 5_000), debt(localTag, carl, 100)]), 'x'))
  const debts = async (): Promise<unknown> => (await pool.query<{ line: string }>("SELECT concat_ws(' ', local_tag, split_part(publisher, '@', 1), proxy, due_at) AS line FROM deferred ORDER BY 1")).rows.map(({ line }) => line)
  await owe()
  const untouched = ['elsewhere bert kam1 5000', 'elsewhere carl kam1 100', 'local bert kam1 5000', 'local carl kam1 100']
  await within(async (tx) => { void putEndpoint(tx, anna, sampleEndpoint({ registeredAt: 300 })) })
  await within((tx) => refreshDialog(tx, sampleDialog({ notifiedAt: 300 })))
  t.same(await debts(), untouched, 'nothing has moved')
  await within(async (tx) => { void putEndpoint(tx, anna, sampleEndpoint({ flow: 'flow;2', registeredAt: 300 })) })
  t.same(await debts(), ['elsewhere bert kam1 5000', 'elsewhere carl kam1 100', 'local bert kam1 300', 'local carl kam1 100'], 'a new connection')
  await within(async (tx) => { void putEndpoint(tx, anna, sampleEndpoint({ flow: 'flow;2', proxy: 'kam2', registeredAt: 200 })) })
  t.same(await debts(), ['elsewhere bert kam1 5000', 'elsewhere carl kam1 100', 'local bert kam2 200', 'local carl kam2 100'], 'another proxy')
  await within((tx) => refreshDialog(tx, sampleDialog({ localTag: 'elsewhere', proxy: 'kam2', notifiedAt: 150 })))
  t.same(await debts(), ['elsewhere bert kam2 150', 'elsewhere carl kam2 100', 'local bert kam2 200', 'local carl kam2 100'], 'a refresh from there')
})

t.test('a debt that is noted while its dialog moves goes along', { skip: needsServer }, async (t) => {
  await addPublishers()
  await insert(sampleDialog())
  let hold = (): void => undefined
  const held = new Promise<void>((resolve) => { hold = resolve })
  let isHeld = (): void => undefined
  const begun = new Promise<void>((resolve) => { isHeld = resolve })
  const holding = within(async (tx) => { await lockDialog(tx, ref('local')); isHeld(); await held; void defer(tx, [debt('local', bert, 5_000)], 'gone') })
  await begun
  const moving = within(async (tx) => { void putEndpoint(tx, anna, sampleEndpoint({ flow: 'flow;2', proxy: 'kam2', registeredAt: 300 })) })
  await new Promise((resolve) => setTimeout(resolve, 100))
  hold()
  await Promise.all([holding, moving])
  t.same((await pool.query('SELECT proxy, due_at FROM deferred')).rows, [{ proxy: 'kam2', due_at: 300 }])
})

t.test('numbering reserves one number a notice and leaves ended dialogs out', async (t) => {
  await insert(sampleDialog({ localTag: 'a', cseq: 5 }), sampleDialog({ localTag: 'b', cseq: 1 }), sampleDialog({ localTag: 'ended', expiresAt: 100 }), sampleDialog({ localTag: 'untold' }))
  const numbered = await within((tx) => number(tx, [{ ...ref('a'), count: 3 }, { ...ref('b'), count: 1 }, { ...ref('ended'), count: 1 }, { ...ref('none'), count: 1 }], 100))
  t.same(numbered.map(({ localTag, cseq }) => [localTag, cseq]).sort(), [['a', 8], ['b', 2]])
  t.same(numbered.find(({ localTag }) => localTag === 'a'), sampleDialog({ localTag: 'a', cseq: 8, notifiedAt: 100 }))
  t.same((await pool.query('SELECT local_tag FROM dialog WHERE notified_trace = $1 ORDER BY 1', ['trace'])).rows, [{ local_tag: 'a' }, { local_tag: 'b' }])
  t.same((await loadDialogs(session, anna)).map(({ localTag, cseq }) => [localTag, cseq]).sort(), [['a', 8], ['b', 2], ['ended', 1], ['untold', 1]])
  t.same(await within((tx) => number(tx, [], 100)), [])
})

t.test('numbers of another sender are not used: its dialogs are adopted first, beyond all that it may have used', async (t) => {
  await insert(sampleDialog({ localTag: 'mine', cseq: 5 }), sampleDialog({ localTag: 'other', cseq: 5, sender: 'there' }))
  const refs = [ref('mine'), ref('other'), ref('none')]
  await within(async (tx) => {
    t.same(await lockForNumbering(tx, refs, SENDER), [ref('other')])
    t.same((await takeNumbers(tx, refs.map((one) => ({ ...one, count: 1, trace: 'x' })), SENDER, 100)).map(({ localTag, cseq }) => [localTag, cseq]), [['mine', 6]])
    t.same(await lockFree(tx, refs, SENDER), { own: [ref('mine')], foreign: [ref('other')] })
  })
  await adoptDialogs(session, refs, SENDER)
  await adoptDialogs(session, refs, SENDER)
  t.same((await within((tx) => number(tx, refs.map((one) => ({ ...one, count: 2 })), 100))).map(({ localTag, cseq, sender }) => [localTag, cseq, sender]).sort(), [['mine', 8, SENDER], ['other', 5 + NUMBERS_AHEAD + 2, SENDER]])
})

t.test('concurrent numbering hands out every number once', { skip: needsServer }, async (t) => {
  const tags = ['a', 'b', 'c', 'd', 'e']
  await insert(...tags.map((localTag) => sampleDialog({ localTag, cseq: 0 })))
  const numbers: string[] = []
  await Promise.all(Array.from({ length: 40 }, async (_, at) => {
    // Named in changing orders: without an order of their own the locks would run in circles.
    const named = tags.slice(at % 5).concat(tags.slice(0, at % 5)).slice(0, 3)
    for (const { localTag, cseq } of await within((tx) => number(tx, named.map((tag) => ({ ...ref(tag), count: 1 })), 100))) numbers.push(`${localTag}${cseq}`)
  }))
  t.equal(new Set(numbers).size, 120)
  t.same((await loadDialogs(session, anna)).map(({ cseq }) => cseq), [24, 24, 24, 24, 24])
})

t.test('locks of several dialogs are taken in key order', { skip: needsServer }, async (t) => {
  // Stored in falling order, so that the order of the table is not the order of the keys.
  for (const localTag of ['c', 'b', 'a']) await insert(sampleDialog({ localTag }))
  let hold = (): void => undefined
  const held = new Promise<void>((resolve) => { hold = resolve })
  let isHeld = (): void => undefined
  const begun = new Promise<void>((resolve) => { isHeld = resolve })
  const holding = within(async (tx) => { await lockDialog(tx, ref('b')); isHeld(); await held })
  await begun
  const waiting = within((tx) => number(tx, ['c', 'b', 'a'].map((tag) => ({ ...ref(tag), count: 1 })), 100))
  await new Promise((resolve) => setTimeout(resolve, 100))
  const free = await pool.query<{ local_tag: string }>('SELECT local_tag FROM dialog ORDER BY local_tag FOR UPDATE SKIP LOCKED')
  hold()
  await Promise.all([holding, waiting])
  t.same(free.rows.map((row) => row.local_tag), ['c'], 'while it waits for b it has a, and not yet c')
})

t.test('a failure in the transaction of a numbering rejects once, nothing is left unhandled', async (t) => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.prependListener('unhandledRejection', note)
  const breaks = statement('test-break', "DO $$ BEGIN RAISE EXCEPTION 'failed on purpose' USING ERRCODE = '22012'; END $$")
  await t.rejects(within(async (tx) => {
    void tx.send(breaks, [])
    await number(tx, [{ ...ref('a'), count: 1 }], 0)
  }))
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.removeListener('unhandledRejection', note)
  t.same(unhandled, [], 'an unhandled rejection ends the engine')
})

const watch = (localTag: string, subscriber: string, publishers: readonly string[], categories: readonly string[] = ['note']): Promise<void> =>
  within(async (tx) => { void insertDialog(tx, sampleDialog({ localTag, subscriber })); void putResources(tx, ref(localTag, subscriber), 'federated', publishers.map((publisher) => ({ publisher, categories })), 0) })

t.test('what a dialog watches is kept on both sides, category lists of any length', async (t) => {
  await addPublishers()
  await within(async (tx) => { void putResources(tx, ref('local'), 'sameEnterprise', [{ publisher: bert, categories: ['state', AWKWARD] }, { publisher: anna, categories: [] }, { publisher: carl, categories: ['note'] }], 0) })
  t.same(await loadResources(session, ref('local')), [{ publisher: anna, categories: [] }, { publisher: bert, categories: ['state', AWKWARD] }, { publisher: carl, categories: ['note'] }])
  t.same(await loadSubscriptions(session, [bert]), [{ publisher: bert, subscriber: anna, localTag: 'local', network: 'sameEnterprise', categories: ['state', AWKWARD], since: 77, format: 'categories', access: 'A' }], 'with the revision at which it was made')
  await within(async (tx) => { void putResources(tx, ref('local'), 'publicCloud', [{ publisher: bert, categories: ['note'] }], 0); void deleteResources(tx, ref('local'), [carl], 0) })
  t.same(await loadSubscriptions(session, [bert, carl]), [{ publisher: bert, subscriber: anna, localTag: 'local', network: 'publicCloud', categories: ['note'], since: 77, format: 'categories', access: 'A' }])
  t.same((await loadResources(session, ref('local'))).map(({ publisher, categories }) => [publisher, categories]), [[anna, []], [bert, ['note']]])
  const named = await loadNamedSubscriptions(session, [{ ...ref('local'), publisher: bert }, { ...ref('local'), publisher: carl }, { ...ref('other'), publisher: bert }])
  t.same(named.map(({ publisher }) => publisher), [bert])
})

t.test('the end of a dialog takes everything that hangs on it, on both sides, and nothing else', async (t) => {
  await addPublishers()
  await watch('ends', anna, [bert, carl])
  await watch('stays', anna, [bert])
  await watch('ends', bert, [carl])
  await within((tx) => defer(tx, [['ends', anna, bert], ['stays', anna, bert], ['ends', bert, carl]].map(([localTag = '', subscriber = '', publisher = '']) => ({ subscriber, localTag, publisher, attempts: 1, dueAt: 1 })), 'x'))
  await within((tx) => deleteDialogs(tx, [ref('ends'), ref('never was')], 0))
  t.same((await loadDialogs(session, anna)).map(({ localTag }) => localTag), ['stays'])
  t.same((await loadSubscriptions(session, [bert, carl])).map(({ subscriber, localTag }) => `${subscriber} ${localTag}`).sort(), [`${anna} stays`, `${bert} ends`])
  t.same(await loadResources(session, ref('ends')), [])
  t.same([(await loadResources(session, ref('stays'))).length, (await loadResources(session, ref('ends', bert))).length, await countDeferred(session)], [1, 1, 2])
  await within((tx) => deleteDialogs(tx, [], 0))
  await within((tx) => deleteDialogs(tx, [ref('stays'), ref('ends', bert)], 0))
  for (const table of ['dialog', 'dialog_resource', 'subscription', 'deferred']) t.equal((await pool.query(`SELECT 1 FROM ${table}`)).rowCount, 0, table)
})

t.test('expired dialogs are claimed in batches, oldest first, each by one', async (t) => {
  await insert(...Array.from({ length: 30 }, (_, at) => sampleDialog({ localTag: `d${String(at).padStart(2, '0')}`, expiresAt: 100 + at })))
  t.same((await within((tx) => claimExpiredDialogs(tx, SENDER, 99, 50))), [])
  const claimed = await within(async (tx) => {
    const mine = await claimExpiredDialogs(tx, SENDER, 119, 7)
    await deleteDialogs(tx, mine, 119)
    return mine
  })
  t.same(claimed.map(({ localTag, cseq }) => [localTag, cseq]).sort(), Array.from({ length: 7 }, (_, at) => [`d0${at}`, 2]))
  t.equal((await within((tx) => claimExpiredDialogs(tx, SENDER, 119, 50))).length, 13)
  t.same(await within((tx) => claimExpiredDialogs(tx, 'there', 119, 50)), [], 'those of another sender are no longer ours')
  await adoptExpired(session, 'there', 119, 5)
  t.same((await within((tx) => claimExpiredDialogs(tx, 'there', 119, 50))).map(({ cseq }) => cseq), Array.from({ length: 5 }, () => 3 + NUMBERS_AHEAD))
})

t.test('a dialog is ended with a reason, and a refresh that was not too late takes it back', async (t) => {
  await insert(...['a', 'b', 'c', 'd'].map((localTag) => sampleDialog({ localTag })))
  await within(async (tx) => { void expireDialogs(tx, [ref('a')], 100, 'rejected'); void expireDialogs(tx, [ref('b'), ref('c')], 100, 'deactivated') })
  await within((tx) => refreshDialog(tx, sampleDialog({ localTag: 'c', expiresAt: 100 })))
  t.same((await within((tx) => lockDialogs(tx, ['d', 'c', 'a', 'none'].map((tag) => ref(tag)), 99))).map(({ localTag }) => localTag), ['a', 'c', 'd'], 'those that live, in the order of their keys')
  t.same(await within((tx) => lockDialogs(tx, [ref('a'), ref('d')], 100)), [sampleDialog({ localTag: 'd' })])
  t.same((await within((tx) => claimExpiredDialogs(tx, SENDER, 100, 9))).map(({ localTag, endReason }) => [localTag, endReason]).sort(), [['a', 'rejected'], ['b', 'deactivated'], ['c', 'timeout']])
})

t.test('failures are noted at the very dialog, while it lives', async (t) => {
  await insert(sampleDialog({ expiresAt: 100 }), sampleDialog({ localTag: 'other' }))
  const named = { ...ref('local'), callId: 'call', remoteTag: 'remote' }
  t.same(await within((tx) => lockFailing(tx, named, 99)), { flow: 'flow;1', failures: 0, failedAt: 0, stalledAt: 0, failedCseq: 0 })
  const history = { failures: 3, failedAt: 1_900_000_000_002, stalledAt: 1_900_000_000_001, failedCseq: 4_294_967_295 }
  await within((tx) => noteFailure(tx, named, history, 503))
  t.same(await within((tx) => lockFailing(tx, named, 99)), { flow: 'flow;1', ...history })
  t.same((await pool.query('SELECT failed_code FROM dialog ORDER BY local_tag')).rows, [{ failed_code: 503 }, { failed_code: 0 }])
  for (const wrong of [{ subscriber: bert }, { callId: 'x' }, { localTag: 'x' }, { remoteTag: 'x' }]) t.equal(await within((tx) => lockFailing(tx, { ...named, ...wrong }, 99)), undefined)
  t.equal(await within((tx) => lockFailing(tx, named, 100)), undefined, 'past its time')
})

t.test('debts: one a dialog and publisher, only of living dialogs, due ones first', async (t) => {
  await insert(sampleDialog({ localTag: 'a' }), sampleDialog({ localTag: 'b' }))
  await within(async (tx) => { for (const user of [bert, carl]) void createUser(tx, user, user, [], 1) })
  await within((tx) => defer(tx, [debt('a', bert, 100), debt('a', carl, 90), debt('b', bert, 200), debt('none', bert, 1)], AWKWARD))
  await within((tx) => defer(tx, [debt('a', bert, 110, 3), debt('a', bert, 110, 4)], 'again, twice in one call'))
  t.equal(await countDeferred(session), 3)
  t.same(await findDueDialogs(session, 'kam1', SENDER, 89, 9), [])
  t.same(await findDueDialogs(session, 'kam2', SENDER, 200, 9), [], 'each proxy has its own')
  t.same(await findDueDialogs(session, 'kam1', SENDER, 199, 1), [ref('a')], 'the longest due')
  t.same(await findDueDialogs(session, 'kam1', SENDER, 200, 9), [ref('a'), ref('b')])
  t.same(await findDueDialogs(session, 'kam1', 'there', 100 + LEFT_TO_SENDER_MS, 9), [ref('a')], 'others leave it to the sender for a while')
  const [, first] = await within((tx) => loadDue(tx, [ref('a')], 199, 9))
  t.same(first, { ...ref('a'), publisher: bert, attempts: 4, since: 100, trace: '', version: 1, everything: true }, 'what was tried more often stays so')
  if (first === undefined) return
  await within((tx) => defer(tx, [debt('a', bert, 120)], 'by somebody who holds the dialog', true))
  t.same((await within((tx) => loadDue(tx, [ref('a')], 199, 9)))[1], first, 'what is owed already stays as it is')
  await within((tx) => defer(tx, [{ ...debt('a', bert, 120), trace: 'newer' }], 'by somebody who does not'))
  await within((tx) => settleDeferred(tx, [first]))
  t.match((await within((tx) => loadDue(tx, [ref('a')], 199, 9)))[1], { trace: 'newer', version: 2 }, 'what is owed again while it is paid is not forgotten')
  await within((tx) => postpone(tx, [{ ...first, version: 2, attempts: 5, dueAt: 300 }], 'not now'))
  t.equal((await within((tx) => loadDue(tx, [ref('a')], 299, 9))).length, 1)
  await within((tx) => settleDeferred(tx, [{ ...first, version: 2 }]))
  t.equal(await countDeferred(session), 2)
})

t.test('a dialog is owed everything that it watches, once for all that fails together', async (t) => {
  await addPublishers()
  await watch('many', anna, [bert, carl])
  await watch('none', anna, [])
  await insert(sampleDialog({ localTag: 'self', kind: 'self' }), sampleDialog({ localTag: 'contacts', kind: 'contacts', proxy: 'kam2' }))
  const owe = (localTag: string, dueAt: number, now: number, attempts = 1, reason = 'x'): Promise<unknown> => within((tx) => oweEverything(tx, ref(localTag), { attempts, reason, dueAt }, now))
  const owed = async (): Promise<unknown> => (await pool.query<{ line: string }>("SELECT concat_ws(' ', local_tag, split_part(publisher, '@', 1), attempts, reason, due_at, proxy, since) AS line FROM deferred ORDER BY 1")).rows.map(({ line }) => line)
  for (const localTag of ['many', 'none', 'self', 'contacts', 'gone']) await owe(localTag, 1_005_000, 1_000_000)
  t.same(await owed(), ['contacts anna 1 x 1005000 kam2 1000000', 'many bert 1 x 1005000 kam1 1000000', 'many carl 1 x 1005000 kam1 1000000', 'self anna 1 x 1005000 kam1 1000000'])
  await pool.query("DELETE FROM deferred WHERE local_tag <> 'many'")
  await pool.query('UPDATE deferred SET due_at = 1012000 WHERE publisher = $1', [carl])
  await owe('many', 1_009_000, 1_004_000, 2, 'together')
  t.same(await owed(), ['many bert 1 x 1005000 kam1 1000000', 'many carl 1 x 1012000 kam1 1000000'], 'what waits goes on to wait')
  await owe('many', 1_015_500, 1_004_000, 0, 'longer')
  t.same(await owed(), ['many bert 1 longer 1015500 kam1 1000000', 'many carl 1 x 1012000 kam1 1000000'], 'longer where the pause grows')
  await owe('many', 1_017_000, 1_012_000, 3, 'due')
  t.same(await owed(), ['many bert 1 longer 1015500 kam1 1000000', 'many carl 3 due 1017000 kam1 1000000'], 'and anew where it is over')
})

t.test('a debt that was noted while its dialog ended is forgotten, one whose dialog moved follows it', async (t) => {
  await insert(sampleDialog({ localTag: 'a' }), sampleDialog({ localTag: 'b' }))
  await within((tx) => defer(tx, [debt('a', bert, 100), debt('b', bert, 100), debt('b', carl, 300)], 'x'))
  await pool.query("DELETE FROM dialog WHERE local_tag = 'b'")
  await pool.query("UPDATE dialog SET proxy = 'kam2'")
  await tidyDebts(session, 200)
  t.same([await findDueDialogs(session, 'kam1', SENDER, 200, 9), await findDueDialogs(session, 'kam2', SENDER, 200, 9)], [[], [ref('a')]])
  t.equal(await countDeferred(session), 2, 'what is not due yet, in its time')
  await tidyDebts(session, 300)
  t.same((await within((tx) => loadDue(tx, [ref('a'), ref('b')], 900, 9))).map(({ localTag }) => localTag), ['a'])
})

t.test('expired dialogs that another node works on are passed over', { skip: needsServer }, async (t) => {
  await insert(sampleDialog({ localTag: 'a', expiresAt: 10 }), sampleDialog({ localTag: 'b', callId: 'other', expiresAt: 20 }))
  await within(async (tx) => {
    t.same((await claimExpiredDialogs(tx, SENDER, 15, 9)).map(({ localTag }) => localTag), ['a'])
    t.same((await within((other) => claimExpiredDialogs(other, SENDER, 99, 9))).map(({ localTag }) => localTag), ['b'])
  })
})

t.test('lists of ordinary phones: one number for all that is told at once, and a list that ends with its dialog', async (t) => {
  await addPublishers()
  const list = { uri: 'team@x.example', name: AWKWARD, revision: 7, entries: [{ user: bert, name: AWKWARD }, { user: carl, refused: 'rejected' }] }
  await within(async (tx) => {
    for (const localTag of ['list', 'batch']) void insertDialog(tx, sampleDialog({ localTag, callId: localTag, kind: localTag === 'list' ? 'list' : 'batch', cseq: 4, expiresAt: 900 }))
    void putDialogList(tx, ref('list'), { ...list, revision: undefined })
    void putResources(tx, ref('list'), 'sameEnterprise', [{ publisher: bert, categories: ['note'] }], 5, 'pidf')
  })
  t.same(await loadDialogLists(session, [ref('list'), ref('batch'), ref('list', bert)]), [{ ...ref('list'), ...list, revision: undefined }])
  t.same(await findStaleLists(session, ref('', ''), 9), [], 'a list of its own is never behind')
  await within(async (tx) => { void putDialogList(tx, ref('list'), list) })
  t.same(await findStaleLists(session, ref('', ''), 9), [{ ...ref('list'), uri: list.uri }], 'the stored list is gone')
  const stored = { uri: list.uri, name: undefined, owner: undefined, subscribers: [carl], entries: [{ user: bert }] }
  t.match(await putResourceList(session, stored, 7), { ...stored, revision: 7, createdAt: 7 })
  t.same(await findStaleLists(session, ref('', ''), 9), [])
  t.match(await putResourceList(session, stored, 8), { revision: 7, updatedAt: 8 }, 'put as it was')
  t.match(await putResourceList(session, { ...stored, name: AWKWARD }, 8), { revision: 8, name: AWKWARD, createdAt: 7 })
  t.match(await putResourceList(session, { ...stored, owner: anna }, 5), { revision: 9 }, 'a clock that goes back')
  t.same(await findStaleLists(session, ref('', ''), 9), [{ ...ref('list'), uri: list.uri }])
  t.same(await findStaleLists(session, ref('list'), 9), [], 'page by page')
  t.same((await within((tx) => number(tx, [{ ...ref('batch'), count: 3 }, { ...ref('list'), count: 3 }], 5))).map(({ localTag, cseq }) => `${localTag} ${cseq}`).sort(), ['batch 7', 'list 5'])
  t.match(await loadEdgesOfDialogs(session, [ref('list'), ref('batch')]), [{ ...ref('list'), publisher: bert, format: 'pidf' }])
  await within((tx) => deleteDialogs(tx, [ref('list')], 5))
  t.same([await loadDialogLists(session, [ref('list')]), await loadEdgesOfDialogs(session, [ref('list')])], [[], []])
  t.same([(await listResourceLists(session, 9)).length, await listResourceLists(session, 9, list.uri), await deleteResourceList(session, list.uri), await deleteResourceList(session, list.uri), await findServedList(session, list.uri)], [1, [], true, false, undefined])
})
