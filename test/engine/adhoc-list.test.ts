import t from 'tap'
import { listBody } from '../support/bodies.ts'
import { AUTOEXTEND, PLAIN, type Client, type RequestOptions } from '../support/client.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { readInfoset, type Infoset } from '../support/infoset.ts'
import { openWorld, people } from '../support/world.ts'

/** Lists of presentities of the clients before enhanced presence (MS-SIP 3.3, 4.3, 4.4). */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people
const nobody = 'nobody@nordwind.example'

const MSRTC = 'text/xml+msrtc.pidf'
const LIST_BODY = { 'Content-Type': 'application/adrl+xml' }

const interop = (availability: number, version = 0, container = 0) => ({
  category: 'legacyInterop', container, version, data: `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/categories" availability="${availability}"/>`,
})

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')

/** Who is seen with which activity number: `boris 600`. */
const seen = (presentity: Infoset): string => `${presentity.attributes['uri']?.split('@', 1)[0]} ${presentity.children.find((child) => local(child) === 'activity')?.attributes['aggregate']}`

const short = (uri = ''): string => uri.replace(/^sip:/, '').split('@', 1)[0] ?? ''

/** A list in words: its version with `full` or `part`, `boris active`, `clara terminated rejected`, `gerd unknown`; then the documents by Content-ID. */
const listOf = (heard: Pick<Heard, 'body' | 'header'>): readonly string[] => {
  const [meta, ...documents] = cutParts(heard.header('Content-Type') ?? '', heard.body)
  const root = readInfoset(meta?.text ?? '')
  const resources = root.children.map(({ attributes, children: [instance] }) => {
    const { id, state, reason, cid } = instance?.attributes ?? {}
    if (instance === undefined) return `${short(attributes['uri'])} unknown`
    if (id !== '0' || (cid !== undefined && cid !== attributes['uri']?.replace('sip:', ''))) throw new Error(`instance ${id}, cid ${cid} of ${attributes['uri']}`)
    return `${short(attributes['uri'])} ${state}${reason === undefined ? '' : ` ${reason}`}${cid === undefined && state === 'active' ? ' without cid' : ''}`
  })
  return [`${root.attributes['version']} ${root.attributes['fullState'] === 'true' ? 'full' : 'part'}`, ...resources, ...documents.map(({ headers, text }) => {
    const found = readInfoset(text)
    if (!headers.includes(`Content-ID: ${found.attributes['uri']}`) || !headers.includes(`Content-Type: ${MSRTC}`)) throw new Error(headers.join())
    return seen(found)
  })]
}

/** What a notification says, with what every one of a list must carry: `BENOTIFY 2: boris 600`. */
const notified = (heard: Heard): string => {
  if (heard.header('Require') !== 'eventlist' || heard.header('Event') !== 'presence') throw new Error('not of a list')
  const type = heard.header('Content-Type')
  const body = type === undefined ? heard.header('subscription-state') : type === MSRTC ? heard.documents.map(seen).join() : listOf(heard).join(', ')
  return `${heard.method} ${heard.header('CSeq')?.split(' ', 1)[0]}: ${body}`
}

const hears = (client: Client): readonly string[] => client.hears().map(notified)

/** Everybody is registered; Boris is busy, Gerd available. */
const begin = async (): Promise<{ readonly watcher: Client; readonly publisher: Client }> => {
  const [watcher, publisher, other] = [world.client(anna), world.client(boris), world.client(gerd)]
  for (const client of [watcher, publisher, other]) await client.registers({ granted: 7200 })
  await publisher.publishes([interop(6500)])
  await other.publishes([interop(3500)])
  return { watcher, publisher }
}

const sends = (action: string, users: readonly string[], options: RequestOptions = {}): RequestOptions => ({ body: listBody(action, users), ...options, headers: { ...LIST_BODY, ...options.headers } })

t.test('create, update, add, delete, refresh, end', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris, nobody, clara, boris])
  t.strictSame([list.answer.status, listOf(list.answer)], [200, ['0 full', 'boris active', 'nobody terminated noresource', 'clara terminated deactivated', 'boris 600']])
  t.strictSame(['Require', 'Event', 'subscription-state', 'ms-piggyback-cseq', 'Expires', 'Supported'].map(list.answer.header), ['eventlist', 'presence', 'active;expires=3600', '1', '3600', 'ms-benotify, ms-piggyback-first-notify'])
  await publisher.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), ['BENOTIFY 2: boris 400'])
  t.strictSame(listOf(await list.sends(sends('add', [gerd, boris, nobody]))), ['1 part', 'gerd active', 'boris active', 'nobody terminated noresource', 'gerd 400', 'boris 400'])
  t.strictSame(listOf(await list.refreshes()), ['2 full', 'boris active', 'gerd active', 'boris 400', 'gerd 400'])
  t.strictSame(listOf(await list.sends(sends('delete', [boris, nobody]))), ['3 part', 'boris terminated timeout', 'nobody terminated timeout'])
  await publisher.publishes([interop(6500, 2)])
  await world.client(gerd).publishes([interop(12500, 1)])
  t.strictSame(hears(watcher), ['BENOTIFY 6: gerd 300'], 'of what was deleted nothing more is told')
  const cancelled = await list.cancels()
  t.strictSame([cancelled.status, cancelled.header('Expires'), cancelled.body], [200, '0', ''])
  await world.client(gerd).publishes([interop(3500, 2)])
  t.strictSame([hears(watcher), await world.count('dialog'), await world.count('subscription'), await world.count('dialog_resource')], [[], 0, 0, 0])
  t.equal((await list.refreshes()).status, 481)
})
