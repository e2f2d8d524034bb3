import { secondsSince, type Instant } from '../base/instant.ts'
import { mainPhone, readContactCards } from '../categories/contact-card.ts'
import { readLegacyInterop, type LegacyInterop } from '../categories/legacy-interop.ts'
import { legacyDevice, legacyUserInfo, LEGACY_CONTAINER } from '../categories/legacy-presence.ts'
import { readPersonalNote } from '../categories/note.ts'
import { KEPT_PIDF, KEPT_PIDF_CONTAINER } from '../categories/registry.ts'
import { readTimeOffset } from '../categories/time-offset.ts'
import { writeMsrtcPresence } from '../documents/msrtc.ts'
import { writePidf, type PidfForm } from '../documents/pidf.ts'
import type { PhoneSeen } from '../documents/phone-parts.ts'
import { nothingSeen, OFFLINE, type DeviceSeen, type LinkedIdentities, type PresenceSeen } from '../documents/presence-seen.ts'
import { rowOf } from '../documents/presence-tables.ts'
import type { Subscription } from '../model/dialog.ts'
import { publishedContainers } from '../model/diff.ts'
import type { CategoryInstance } from '../model/publication.ts'
import type { SeenState } from '../model/publisher.ts'
import { ownEntry, type Touch } from '../model/touch.ts'
import { indexMembership, pickContainer, rankContainers, type Watcher } from '../resolution/membership.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'
import { mediaTypes } from '../sip/media-types.ts'
import type { UserKey } from '../sip/uri.ts'
import type { HiddenCategories } from './category.ts'
import { AWAY, findDevices, isInKeeping, type Device } from './devices.ts'
import { findPhones, type Phone } from './phones.ts'
import { viewChangeOf } from './view-change.ts'

const NOTHING: ReadonlySet<number> = new Set()

/** The categories that presence documents are made of, each seen in a container of its own. */
export const presenceCategories = ['legacyInterop', 'contactCard', 'note'] as const
type PresenceCategory = (typeof presenceCategories)[number]

/** All that must be loaded of a publisher for presence documents: devices are shown along with legacyInterop, or not at all. */
export const presenceReads: readonly string[] = [...presenceCategories, 'state', legacyDevice, legacyUserInfo, KEPT_PIDF]

/** What a deployment sets, and what is known of publishers besides their publications. */
export interface PresenceTerms {
  /** The names of all registered categories. */
  readonly categories: readonly string[]
  readonly isHidden: HiddenCategories
  /** The form of PIDF that watchers of a domain read. */
  readonly pidfForm: (watcher: UserKey) => PidfForm
  /** The containers whose watchers are shown single devices and what their user says of itself (MS-SIP 2.2.1): those in which states name a device (3.8.5.1.2.7). */
  readonly showsDevices: ReadonlySet<number>
  /** The same for ordinary watchers and what phones have published in their own words (RFC 3903). */
  readonly showsPhones: ReadonlySet<number>
  /** Those of them in which states name a place, too; in the others phones' words about it are left out. */
  readonly showsPlaces?: ReadonlySet<number>
  /** When documents are written; devices have an age. */
  readonly now: Instant
  /** Other addresses of the publisher (2.2.2.8.1). */
  readonly linked?: LinkedIdentities | undefined
  /** The epid of those of the publisher's endpoints that have one, by endpoint id. */
  readonly epids?: ReadonlyMap<EndpointId, string> | undefined
}

/** Who watches in which format. */
export interface PresenceWatcher extends Watcher {
  readonly format: 'msrtc' | 'pidf'
}

/** A document with its media type. */
export interface PresenceBody {
  readonly type: string
  readonly text: string
}

/** The container that shows each category; undefined where nothing is seen of it. */
type Places = Readonly<Record<PresenceCategory | 'state', number | undefined>>

const byInstance = (a: CategoryInstance, b: CategoryInstance): number => a.instance - b.instance

/** The server publishes instance 1 or 0, never both (3.8.5.1.2.7); should there be more, the newest one counts. */
const newestFirst = (a: CategoryInstance, b: CategoryInstance): number => b.publishTime - a.publishTime || b.instance - a.instance

const isReachable = ({ availability, token }: Pick<PresenceSeen, 'availability' | 'token'>): boolean => rowOf(availability, token).msrtc.availability > 0

// While the user is away, phones that would give it away are hidden, and then nobody must hear of them either.
const hearsPhones = (seen: PresenceSeen): boolean => isReachable(seen) && (seen.availability < AWAY || seen.phones.length > 0)

/** The document that a watcher gets: its kind decides which categories matter to it. */
type Kind = 'msrtc' | PidfForm

const kindOf = ({ user, format }: PresenceWatcher, { pidfForm }: PresenceTerms): Kind => (format === 'msrtc' ? 'msrtc' : pidfForm(user))

/** The forms of RFC 4480 have a place for notes and for what phones say themselves. */
const hasPhones = (kind: Kind): boolean => kind === 'both' || kind === 'rfc4480'

const categoriesOf = (kind: Kind): readonly PresenceCategory[] => (hasPhones(kind) ? presenceCategories : ['legacyInterop', 'contactCard'])

/** The publisher as presence watchers may see it, prepared once for many of them: each body is written once per distinct view and kind. */
export interface PresenceView {
  /** The containers that satisfy a watcher. */
  readonly resolve: (watcher: Watcher) => Places
  /** What is seen in some containers, as an operator may look at it. */
  readonly see: (places: Places) => PresenceSeen
  readonly write: (places: Places, kind: Kind) => PresenceBody
}

/**
 * Resolution is that of a category subscription to legacyInterop (3.7.5.1, 3.7.5.2), although that is private; name, e-mail, phone and note come from
 * containers of their own. Whoever is shown no legacyInterop, because there is none or because it is blocked, sees an offline user (1.3.1.3.4).
 * `state` must hold only instances that are alive.
 */
export const presenceViewOf = (state: SeenState, terms: PresenceTerms): PresenceView => {
  const rank = rankContainers(indexMembership(state.containers))
  const published = publishedContainers(state.instances)
  const bodies = new Map<string, PresenceBody>()
  let devices: readonly Device[] | undefined
  let phones: readonly Phone[] | undefined
  const knownPhones = (shown: number): readonly PhoneSeen[] => (phones ??= findPhones(state.instances)).filter((phone) => isInKeeping(phone, shown))
  const phonesIn = (container: number, shown: number): readonly PhoneSeen[] =>
    knownPhones(shown).map((phone) => ({ ...phone, ...(terms.showsPlaces?.has(container) === true ? {} : { hidesPlace: true }), ...(terms.isHidden('note') ? { hidesNotes: true } : {}) }))
  const knownDevices = (shown: number): readonly DeviceSeen[] => (devices ??= findDevices(state.instances)).flatMap(({ endpointId, epid = terms.epids?.get(endpointId), at, machine, ...device }) =>
    (epid === undefined || !isInKeeping({ machine }, shown) ? [] : [{ ...device, epid, age: secondsSince(at, terms.now) }]))
  const inside = (category: keyof Places, places: Places): readonly CategoryInstance[] =>
    state.instances.filter((instance) => instance.category === category && instance.container === places[category])
  const seeDevices = (container: number | undefined, interop: LegacyInterop | undefined): Pick<PresenceSeen, 'userInfo' | 'devices'> => {
    if (container === undefined || !terms.showsDevices.has(container)) return { userInfo: undefined, devices: [] }
    const [userInfo] = state.instances.filter((instance) => instance.category === legacyUserInfo && instance.container === LEGACY_CONTAINER)
    // Of who is not there, or does not want to be, no device tells otherwise.
    const { availability, token } = interop ?? nothingSeen
    return { userInfo: userInfo?.payload, devices: isReachable({ availability, token }) ? knownDevices(availability) : [] }
  }
  const see = (places: Places): PresenceSeen => {
    const [interop] = [...inside('legacyInterop', places)].sort(newestFirst).flatMap(({ payload }) => readLegacyInterop(payload) ?? [])
    const card = readContactCards([...inside('contactCard', places)].sort(byInstance).map(({ payload }) => payload))
    const note = readPersonalNote([...inside('note', places)].sort(byInstance).map(({ payload }) => payload))
    const { userInfo, devices } = seeDevices(places.legacyInterop, interop)
    const timeOffset = inside('state', places).flatMap(({ payload }) => readTimeOffset(payload) ?? [])[0]
    const { legacyInterop: container } = places
    const phonesSeen = container !== undefined && terms.showsPhones.has(container) && isReachable(interop ?? nothingSeen) ? phonesIn(container, (interop ?? nothingSeen).availability) : []
    // Who is blocked is shown what the server publishes for the blocked, and no other addresses either.
    const isShown = interop !== undefined && interop.availability < OFFLINE
    return { ...nothingSeen, ...interop, displayName: card.displayName, email: card.email, phone: mainPhone(card), note, timeOffset, phones: phonesSeen, linked: isShown ? terms.linked : undefined, userInfo, devices }
  }
  return {
    resolve: (watcher) => {
      const ranked = rank(watcher)
      const pick = (category: keyof Places): number | undefined => pickContainer(ranked, published.get(category) ?? NOTHING)
      const shown = (category: keyof Places): number | undefined => (terms.isHidden(category) ? undefined : pick(category))
      return { legacyInterop: pick('legacyInterop'), contactCard: shown('contactCard'), note: shown('note'), state: shown('state') }
    },
    see,
    write: (places, kind) => {
      const key = `${kind} ${[...categoriesOf(kind), 'state' as const].map((category) => places[category]).join(' ')}`
      let body = bodies.get(key)
      if (body === undefined) {
        body = kind === 'msrtc'
          ? { type: mediaTypes.msrtcPresence, text: writeMsrtcPresence(state.publisher, see(places)) }
          : { type: mediaTypes.pidf, text: writePidf(state.publisher, see(places), kind) }
        bodies.set(key, body)
      }
      return body
    },
  }
}

/** All that a watcher sees of a publisher, as the first document of a subscription and every refresh show it (3.7.5.4, 3.7.5.5). */
export const writePresenceState = (view: PresenceView, watcher: PresenceWatcher, terms: PresenceTerms): PresenceBody =>
  view.write(view.resolve(watcher), kindOf(watcher, terms))

/** The same with the presence withheld: who it is, and that it is offline, as where nothing was published (1.3.1.3.4). */
export const writeWithheldState = (view: PresenceView, watcher: PresenceWatcher, terms: PresenceTerms): PresenceBody =>
  view.write({ ...view.resolve(watcher), legacyInterop: undefined, note: undefined, state: undefined }, kindOf(watcher, terms))

/**
 * What each presence watcher hears of a touch (3.7.5.4, 3.7.5.5): the whole document where a category of it moved to another container, or where its
 * instances in the container that shows it changed, or the devices that it is shown. A watcher whose view did not change gets no entry.
 */
export const writePresenceChanges = <S extends Pick<Subscription, 'subscriber' | 'network'> & Pick<PresenceWatcher, 'format'>>(
  state: SeenState, touch: Touch, subscriptions: readonly S[], terms: PresenceTerms,
): ReadonlyMap<S, PresenceBody> => {
  const view = presenceViewOf(state, terms)
  const changeFor = viewChangeOf(state, touch)
  const [infoChanged, devicesChanged] = [ownEntry(touch.categories, legacyUserInfo)?.includes(LEGACY_CONTAINER) === true, touch.devices === true]
  // Devices that come or go with the availability are heard of with it.
  const ownChanged = (places: Places): boolean => places.legacyInterop !== undefined && terms.showsDevices.has(places.legacyInterop) && (infoChanged || (devicesChanged && isReachable(view.see(places))))
  const keptChanged = ownEntry(touch.categories, KEPT_PIDF)?.includes(KEPT_PIDF_CONTAINER) === true
  const phonesChanged = (places: Places): boolean => keptChanged && places.legacyInterop !== undefined && terms.showsPhones.has(places.legacyInterop) && hearsPhones(view.see(places))
  const heard = new Map<S, PresenceBody>()
  for (const subscription of subscriptions) {
    const watcher = { user: subscription.subscriber, network: subscription.network, format: subscription.format }
    const kind = kindOf(watcher, terms)
    const places = view.resolve(watcher)
    const changed = changeFor(watcher)
    const hears = categoriesOf(kind).some((category) => (category === 'legacyInterop' || !terms.isHidden(category)) && changed(category, places[category])) || (kind === 'msrtc' && ownChanged(places)) || (hasPhones(kind) && phonesChanged(places))
    if (hears) heard.set(subscription, view.write(places, kind))
  }
  return heard
}
