import t from 'tap'
import { DirectoryError } from '../../src/core/model/directory-search.ts'
import { fillDirectory } from '../../src/engine/directory-round.ts'
import { removeUser } from '../../src/engine/remove-user.ts'
import { connectStore } from '../../src/store/connect.ts'
import { createUserDirectory } from '../../src/store/directory-search.ts'
import { transact } from '../../src/store/session.ts'
import { createUser, putUser } from '../../src/store/users.ts'
import { openTestStore } from '../support/database.ts'
import { AWKWARD } from './samples.ts'

/** The engine's own users as a directory (3.1.5.2), on the database. */

const { store, reset } = await openTestStore(t)
const { pool, db } = store
t.beforeEach(reset)

const directory = createUserDirectory(db)
const add = (name: string, displayName: string, properties: Readonly<Record<string, string>> = {}): Promise<boolean> => transact(pool, (tx) => putUser(tx, `${name}@nordwind.example`, displayName, properties, [], 1))

/** Who is found, by the first half of the address; `+` behind them when there would be more. */
const find = async (terms: readonly (readonly [attribute: string, value: string])[], limit = 10): Promise<string> => {
  const { people, more } = await directory.search({ terms: terms.map(([attribute, value]) => ({ attribute, value })), limit })
  return people.map(({ user }) => user.split('@', 1)[0]).sort().join(' ') + (more ? ' +' : '')
}

const populate = async (): Promise<void> => {
  await add('anna', 'Änne Weber', { email: 'anna.weber@mail.example', phone: '+49 (40) 100-1', city: 'Köln', company: 'Nordwind', title: 'Pilot', office: 'Pier 4', country: 'DE', state: 'NW', department: 'Air' })
  await add('annabel', 'Annabel Weberling', { city: 'Kölleda', company: 'Nordwind' })
  await add('boris', 'Weber, Boris', { city: 'Hamburg', company: 'Nordwind', phone: '+49 40 2001', mobile: '0170 1' })
  await add('weber', 'Carla Ost', { email: 'carla@mail.example', surname: 'Ost', givenName: 'Carla Maria' })
  await add('odd', 'Odd 100% _x\\y', { city: '%' })
}

t.test('by each attribute: from its beginning, without regard to case and accents', async (t) => {
  await populate()
  for (const [attribute, value, expected] of [
    ['displayname', 'ann', 'anna annabel'], ['displayname', 'ÄNNE', 'anna'], ['displayname', 'weber', 'boris'], ['displayname', 'eber', ''], ['givenname', 'änn', 'anna annabel'], ['givenname', 'boris', 'boris'], ['givenname', 'Carla M', 'weber'], ['sn', 'Weber', 'anna annabel boris'], ['sn', 'weberl', 'annabel'],
    ['mail', 'ANNA.', 'anna'], ['telephonenumber', '+4940', 'anna boris'], ['telephonenumber', '+49 (40) 2', 'boris'], ['mobile', '0170', 'boris'], ['msrtcuri', 'sip:ann', 'anna annabel'], ['msrtcuri', 'weber@nordwind.example', 'weber'], ['msrtcmail', 'carla@', 'weber'],
    ['l', 'koln', 'anna'], ['l', 'köl', 'anna annabel'], ['company', 'NORD', 'anna annabel boris'], ['title', 'pil', 'anna'], ['physicaldeliveryofficename', 'pier', 'anna'], ['c', 'de', 'anna'], ['st', 'nw', 'anna'], ['department', 'air', 'anna'], ['employeeid', '1', ''],
    ['anr', 'weber', 'anna annabel boris weber'], ['anr', 'pier', 'anna'], ['anr', 'weber an', 'anna annabel'], ['anr', 'An Web', 'anna annabel'], ['anr', 'web, bo', 'boris'], ['anr', 'carla', 'weber'], ['anr', 'x', ''],
  ] as const) t.equal(await find([[attribute, value]]), expected, `${attribute}=${value}`)
})

t.test('3.1.5.2: all conditions together; how many, and whether there are more', async (t) => {
  await populate()
  for (const [terms, expected] of [
    [[['sn', 'weber'], ['l', 'k']], 'anna annabel'], [[['sn', 'weber'], ['l', 'k'], ['title', 'p']], 'anna'], [[['sn', 'weber'], ['sn', 'weberl']], 'annabel'], [[['sn', 'weber'], ['l', 'bremen']], ''], [[['anr', 'weber'], ['company', 'nordwind']], 'anna annabel boris'],
    [[['anr', 'weber'], ['anr', 'ann']], 'anna annabel'], [[['company', 'nordwind'], ['employeeid', '1']], ''],
  ] as const) t.equal(await find(terms), expected, terms.map((term) => term.join('=')).join(' & '))
  t.equal(await find([['sn', 'weber']], 3), 'anna annabel boris', 'as many as may be')
  t.match(await find([['sn', 'weber']], 2), /^\w+ \w+ \+$/, 'one more than may be')
  t.match(await find([['anr', 'weber']], 1), /^\w+ \+$/)
  t.strictSame(await directory.search({ terms: [], limit: 10 }), { people: [], more: false }, 'nobody has asked for everybody')
})

t.test('what is special to LIKE or to SQL is data', async (t) => {
  await populate()
  for (const [value, expected] of [['odd 100%', 'odd'], ['odd 1_0', ''], ['odd%', ''], ['%', ''], ['_', ''], ['odd 100% _x\\y', 'odd'], ['odd 100% _x\\', 'odd'], ['odd 100% _x\\\\', ''], ["' OR 1=1 --", '']] as const) t.equal(await find([['displayname', value]]), expected, value)
  t.equal(await find([['l', '%']]), 'odd')
  await add('quote', AWKWARD, { city: AWKWARD })
  t.equal(await find([['displayname', AWKWARD], ['l', AWKWARD]]), 'quote')
})

t.test('what is known of whom is found, as the operator wrote it', async (t) => {
  await populate()
  t.strictSame((await directory.search({ terms: [{ attribute: 'uid', value: 'anna@' }], limit: 1 })).people, [
    { user: 'anna@nordwind.example', displayName: 'Änne Weber', title: 'Pilot', office: 'Pier 4', phone: '+49 (40) 100-1', company: 'Nordwind', city: 'Köln', state: 'NW', country: 'DE', email: 'anna.weber@mail.example' },
  ])
  t.strictSame((await directory.search({ terms: [{ attribute: 'sn', value: 'ost' }], limit: 1 })).people, [{ user: 'weber@nordwind.example', displayName: 'Carla Ost', email: 'carla@mail.example' }])
})

t.test('a user is found as it is now, wherever it is served, and not when it is gone', async (t) => {
  await populate()
  await add('anna', 'Anna Marie Voss')
  t.strictSame([await find([['sn', 'weber']]), await find([['sn', 'voss']]), await find([['l', 'koln']]), await find([['l', 'ko']])], ['annabel boris', 'anna', '', 'annabel'])
  await transact(pool, (tx) => putUser(tx, 'boris@nordwind.example', 'Boris West', {}, [], 2, {}, { homePool: 'sip:pool2.nordwind.example' }))
  t.equal(await find([['sn', 'west']]), 'boris', 'a user of another pool')
  for (const name of ['anna', 'boris', 'annabel']) t.equal(await removeUser(pool, `${name}@nordwind.example`, 3), true, name)
  t.strictSame([await find([['uid', 'a']]), await find([['uid', 'b']]), await find([['uid', 'w']])], ['', '', 'weber'])
  t.equal((await pool.query('SELECT 1 FROM directory_entry')).rowCount, 2)
})

t.test('who registers first is found by the name that the client gave; who was there keeps what the operator said', async (t) => {
  await add('anna', 'Anna Weber', { city: 'Kiel' })
  for (const [user, name] of [['anna', 'Somebody Else'], ['dora', 'Dora Nord']] as const) await transact(pool, async (tx) => { void createUser(tx, `${user}@nordwind.example`, name, [], 1) })
  t.strictSame([await find([['sn', 'else']]), await find([['sn', 'weber'], ['l', 'kiel']]), await find([['givenname', 'dora'], ['sn', 'nord']])], ['', 'anna', 'dora'])
})

t.test('users from before get their entries page by page, once', async (t) => {
  await pool.query(`INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at)
    SELECT 'u' || n || '@nordwind.example', 'nordwind.example', 'Ümit No' || n, '{"city":"Kiel"}', 1, 1 FROM generate_series(1, 1200) AS n`)
  await add('anna', 'Anna Weber')
  // A registration finds a user from before who has no entry yet.
  await transact(pool, async (tx) => { void createUser(tx, 'u7@nordwind.example', 'Somebody Else', [], 1) })
  t.strictSame([await find([['l', 'kiel']]), await find([['sn', 'else']])], ['', ''])
  const deps = { store, now: () => 5 }
  t.equal(await fillDirectory(deps), true)
  t.equal((await pool.query('SELECT 1 FROM directory_entry')).rowCount, 1201)
  t.strictSame([await find([['sn', 'no1200'], ['l', 'kiel']]), await find([['givenname', 'umit'], ['sn', 'no71']], 11), await find([['sn', 'weber']])], ['u1200', 'u71 u710 u711 u712 u713 u714 u715 u716 u717 u718 u719', 'anna'])
  await pool.query("DELETE FROM directory_entry WHERE user_uri = 'u9@nordwind.example'")
  t.equal(await fillDirectory(deps), true)
  t.equal(await find([['uid', 'u9@']]), '', 'the round is over')
})

t.test('a database that does not answer is busy', async (t) => {
  const away = await connectStore({ url: 'postgres://nobody@127.0.0.1:9/nothing', onError: () => undefined })
  t.teardown(() => away.close())
  const why = (db: typeof away.db, limit: number): Promise<string> =>
    createUserDirectory(db).search({ terms: [{ attribute: 'sn', value: 'a' }], limit }).then(() => 'found', (error: unknown) => (error instanceof DirectoryError ? error.why : 'thrown'))
  t.equal(await why(away.db, 1), 'busy')
  t.equal(await why(db, -5), 'failed', 'what the database does not understand')
})
