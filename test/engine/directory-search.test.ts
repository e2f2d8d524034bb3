import t from 'tap'
import { DirectoryError, type DirectoryResults, type DirectorySearch, type DirectorySource, type FoundPerson } from '../../src/core/model/directory-search.ts'
import { createDirectory, type Directory } from '../../src/engine/directory.ts'
import { createUserDirectory } from '../../src/store/directory-search.ts'
import { searchBody, type SearchRows } from '../support/bodies.ts'
import type { RequestOptions } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** Directory search by SERVICE requests (2.2.1, 3.1). */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people
const DOMAIN = 'nordwind.example'
const SOAP = 'application/SOAP+xml'

const asks = (rows: SearchRows, options: RequestOptions & { readonly max?: number; readonly from?: string } = {}): Promise<Heard> => {
  const { max, from = boris, headers, ...rest } = options
  return world.client(from).sends('SERVICE', { to: DOMAIN, body: searchBody(rows, max), ...rest, headers: { 'Content-Type': SOAP, ...headers } })
}

/** Who was found, and whether there are more. */
const found = ({ status, body }: Heard): string => `${status} ${[...body.matchAll(/m:uri="sip:([^@"]+)@/g)].map(([, name]) => name).join(' ')}${body.includes('<m:moreAvailable>true<') ? ' +' : ''}`

/** What was refused: status, fault, why. */
const refused = ({ status, body, header }: Heard): readonly unknown[] => [status, header('Content-Type'), /<Faultcode>(.*)<\/Faultcode>/.exec(body)?.[1], (header('ms-diagnostics') ?? '').slice(0, 4)]

const populate = async (): Promise<void> => {
  await world.sets(anna, { displayName: 'Anna Weber', city: 'Kiel' })
  await world.sets(gerd, { displayName: 'Gerd Weber', city: 'Köln' }, { homePool: 'sip:pool2.nordwind.example' })
  await world.sets(boris, { displayName: 'Boris Ost' })
}

const source = (answer: (search: DirectorySearch) => Promise<DirectoryResults>): DirectorySource => ({ search: answer })
const knows = (...known: readonly FoundPerson[]): DirectorySource => source(async () => ({ people: known, more: false }))
const fails = (why: DirectoryError['why']): DirectorySource => source(async () => { throw new DirectoryError(why, `the other directory: ${why}`) })

const use = (sources: readonly DirectorySource[], options: Partial<Parameters<typeof createDirectory>[0]> = {}): readonly DirectoryError[] => {
  const failed: DirectoryError[] = []
  world.restart({ directory: createDirectory({ sources, maxResults: 100, atATime: 1, onFailed: (error) => failed.push(error), ...options }) })
  return failed
}

t.test('3.1.5.1: of a user to a domain of the enterprise, or to itself as some clients do; nothing is kept', async (t) => {
  await populate()
  await world.client(boris).registers()
  const before = await world.dump()
  const answer = await asks([['sn', 'weber']])
  t.equal(found(answer), '200 anna gerd')
  t.strictSame(answer.headers.filter(([name]) => name !== 'Content-Type'), [])
  t.equal(answer.header('Content-Type'), SOAP)
  t.match(answer.toTag, /^tag/)
  t.equal(found(await asks([['sn', 'weber']], { to: boris })), '200 anna gerd', 'to itself')
  t.equal(found(await asks([['sn', 'weber'], ['l', 'KÖ']], { from: anna, headers: { 'Content-Type': 'application/soap+xml; charset=utf-8' } })), '200 gerd', 'media types know no case')
  t.equal(found(await asks([['sn', 'weber']], { contact: undefined, headers: { Supported: 'x', 'Proxy-Require': 'ms-benotify' } })), '200 anna gerd')
  t.equal(found(await asks([['sn', 'weber']], { to: 'NORDWIND.example' })), '200 anna gerd')
  t.strictSame(await world.dump(), before)
})

t.test('3.1.5.2: the lower of maxResults and the administrator\'s bound', async (t) => {
  await populate()
  t.strictSame([found(await asks([['sn', 'weber']], { max: 2 })), found(await asks([['sn', 'weber']], { max: 1 })).replace(/anna|gerd/, '?'), found(await asks([['sn', 'nobody']], { max: 0 }))], ['200 anna gerd', '200 ? +', '200 '])
  t.equal(found(await asks([['sn', 'weber']], { max: 0 })), '200  +', 'none is wanted, and some are there')
  const asked: number[] = []
  use([source(async ({ limit }) => { asked.push(limit); return { people: [], more: false } })], { maxResults: 7 })
  for (const max of [0, 6, 7, 8, 100_000]) await asks([['sn', 'a']], { max })
  t.strictSame(asked, [1, 6, 7, 7, 7])
})

t.test('3.1.5.4: what is refused, with which fault', async (t) => {
  await populate()
  const before = await world.dump()
  const [bad, forbidden] = [[400, SOAP, 'Client.BadCall'], [403, SOAP, 'Client.NotAuthorized.UserSearch']] as const
  const good: SearchRows = [['sn', 'weber']]
  for (const [name, answer, expected] of [
    ['no filters', await asks([]), [...bad, '4001']], ['an empty value', await asks([['sn', ' ']]), [...bad, '4001']], ['an injection', await asks([['sn)(uid=*', 'a']]), [...bad, '4001']],
    ['cut short', await asks(good, { body: searchBody(good).slice(0, -9) }), [...bad, '4001']], ['no envelope', await asks(good, { body: '<a/>' }), [...bad, '4001']], ['no body', await asks(good, { body: '' }), [...bad, '4000']],
    ['Require', await asks(good, { headers: { Require: 'foo, bar' } }), [420, SOAP, 'Client.BadCall', '4000']],
    ['to somebody else', await asks(good, { to: anna }), [...forbidden, '4000']], ['of nobody here', await asks(good, { from: `nobody@${DOMAIN}` }), [...forbidden, '2005']], ['of another enterprise', await asks(good, { from: clara }), [...forbidden, '2005']],
    ['from another network', await asks(good, { network: 'federated' }), [...forbidden, '2005']],
    ['to another enterprise', await asks(good, { to: 'suedwind.example' }), [404, SOAP, 'Client.BadCall', '4005']], ['to a domain that is blocked', await asks(good, { to: 'blocked.example' }), [404, SOAP, 'Client.BadCall', '4005']], ['to nowhere', await asks(good, { to: 'nowhere.example' }), [404, SOAP, 'Client.BadCall', '4005']],
  ] as const) t.strictSame(refused(answer), expected, name)
  t.equal((await asks(good, { headers: { Require: 'foo, bar' } })).header('Unsupported'), 'foo, bar')
  t.strictSame(refused(await world.client(boris).sends('SERVICE', { body: '<a', headers: { 'Content-Type': SOAP } })), [400, undefined, undefined, '4001'], 'SOAP to a user that cannot be read might be anything')
  t.strictSame(await world.dump(), before)
})

t.test('several directories: each person once; who does not answer is passed over and leaves more to be found', async (t) => {
  await populate()
  const users = createUserDirectory(world.store.db)
  const guest: FoundPerson = { user: 'wilma@nordwind.example', displayName: 'Wilma Weber', title: 'Guest' }
  use([users, knows(guest, { user: anna, displayName: 'WEBER, ANNA', title: 'Pilot' })])
  const answer = await asks([['sn', 'weber']])
  t.equal(found(answer), '200 anna gerd wilma')
  t.match(answer.body, /m:displayName="Anna Weber" m:title="Pilot"[^>]* m:city="Kiel"/, 'what the engine knows goes first')
  t.equal(found(await asks([['sn', 'weber']], { max: 2 })), '200 anna gerd +')
  const failed = use([fails('busy'), knows(guest)])
  t.equal(found(await asks([['sn', 'weber']])), '200 wilma +')
  t.strictSame(failed.map(({ why }) => why), ['busy'], 'the operator hears of it')
})

t.test('3.1.5.4: no directory answers', async (t) => {
  const broken = source(async () => { throw new TypeError('a fault of ours') })
  const [busy, forbidden, other] = [[503, SOAP, 'Server.Unavailable.Busy', '4000'], [403, SOAP, 'Client.NotAuthorized.UserSearch', '4000'], [500, SOAP, 'Server.UnknownError', '4000']] as const
  for (const [name, sources, expected] of [
    ['away', [fails('busy')], busy], ['not let in', [fails('forbidden')], forbidden], ['an error', [fails('failed')], other], ['a fault', [broken], other], ['none', [], other],
    ['away goes first: it passes', [fails('forbidden'), fails('failed'), fails('busy')], busy], ['then errors', [fails('forbidden'), broken], other],
  ] as const) {
    use(sources)
    const answer = await asks([['sn', 'weber']])
    t.strictSame(refused(answer), expected, name)
    t.equal(answer.header('Retry-After') !== undefined, expected === busy, name)
  }
})

t.test('a few searches at a time; some wait for their turn, others are told to come again', async (t) => {
  let running = 0
  let most = 0
  let open = (): void => undefined
  const gate = new Promise<void>((resolve) => { open = resolve })
  const slow = source(async () => {
    running += 1
    most = Math.max(most, running)
    await gate
    running -= 1
    return { people: [], more: false }
  })
  const directory: Directory = createDirectory({ sources: [slow], maxResults: 100, atATime: 2, onFailed: () => undefined })
  const searches = Array.from({ length: 20 }, () => directory.search({ terms: [{ attribute: 'sn', value: 'a' }], limit: 1 }).then(() => 'found', (error: unknown) => (error instanceof DirectoryError ? error.why : 'thrown')))
  open()
  const results = await Promise.all(searches)
  t.strictSame([results.filter((result) => result === 'found').length, results.slice(18), most], [18, ['busy', 'busy'], 2])
  t.equal(await directory.search({ terms: [], limit: 1 }).then(({ people: all }) => all.length), 0, 'afterwards there is room')
  t.equal(running, 0)
})

t.test('switched off: as a server that never had it', async (t) => {
  await populate()
  world.restart({ features: { ...world.engine.features, directorySearch: false } })
  for (const to of [DOMAIN, boris]) t.strictSame(refused(await asks([['sn', 'weber']], { to })), [400, undefined, undefined, '4000'], to)
  t.match((await asks([['sn', 'weber']])).header('ms-diagnostics'), /detail="directorySearch"/)
  t.strictSame(refused(await asks([], { body: '<a' })), [400, undefined, undefined, '4001'])
})
