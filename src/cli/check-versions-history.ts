/** What the clients of the versions check sent and heard, and whether it can be one history of the database. */

export interface Operation {
  readonly category: string
  readonly container: number
  readonly instance: number
  readonly version: number
  /** Undefined deletes the instance. */
  readonly payload: string | undefined
}

/** Category to its instances, each as a line "container instance version payload". */
export type Document = ReadonlyMap<string, string>

type Stale = Readonly<{ index: number; version: number; curVersion: number; data: string }>

export type Heard = { readonly code: 200; readonly document: Document } | { readonly code: 409; readonly stale: readonly Stale[] }

/** One time a request was sent; without `heard` nobody knows what came of it. */
export interface Delivery {
  readonly sent: number
  readonly answered: number
  readonly heard: Heard | undefined
}

export interface Sent {
  readonly callId: string
  readonly publisher: string
  readonly operations: readonly Operation[]
  /** More than one when the very same request was repeated. */
  readonly deliveries: Delivery[]
}

/** A notification in the order in which the proxy got it. */
export interface Notice {
  readonly cseq: number
  readonly document: Document | undefined
}

/** A request that the database carried out, at the revision that it made, with the change that it left to be told. */
export type CommittedRow = Readonly<{ revision: number; callId: string; touch: string | null }>

/** One row written to an instance; version 0 stands for a deletion. */
export interface WriteRow {
  readonly revision: number
  readonly category: string
  readonly container: number
  readonly instance: number
  readonly version: number
  readonly payload: string
}

/** Everything about one publisher. */
export interface Evidence {
  readonly publisher: string
  readonly requests: readonly Sent[]
  readonly committed: readonly CommittedRow[]
  readonly writes: readonly WriteRow[]
  readonly notices: readonly Notice[]
  /** What is stored at the end. */
  readonly revision: number
  readonly stored: Document
}

export interface Tally {
  versionsChecked: number
  lives: number
  documentsChecked: number
  conflictsChecked: number
  staleOperations: number
  unknownStored: number
  notificationsChecked: number
  numbersUsedTwice: number
}

type Row = Omit<WriteRow, 'revision'>

const textOf = (rows: Iterable<Row>): string => [...rows].filter(({ version }) => version > 0).map(({ container, instance, version, payload }) => `${container} ${instance} ${version} ${payload}`).sort().join('\n')

/** Instances as they are compared. */
export const documentOf = (rows: readonly Row[]): Document => new Map([...Map.groupBy(rows, ({ category }) => category)].map(([category, list]) => [category, textOf(list)]))

const CATEGORY = /<category name="([^"]*)"(?: instance="(\d+)" publishTime="[^"]*")? container="(\d+)"(?: version="(\d+)" expireType="\w+")?(?:\/>|>(.*?)<\/category>)/gs

/** The categories of a self document; undefined when it is not one that this check can read as a whole. */
export const readDocument = (body: string): Document | undefined => {
  // A category that was cleared stands there without a version.
  const rows = [...body.matchAll(CATEGORY)].map(([, category = '', instance, container, version, payload = '']) =>
    ({ category, container: Number(container), instance: Number(instance ?? 0), version: Number(version ?? 0), payload }))
  return rows.length > 0 && rows.length === body.split('<category ').length - 1 ? documentOf(rows) : undefined
}

const OPERATION = /<operation index="(\d+)" version="(\d+)" curVersion="(\d+)"(?:\/>|>(.*?)<\/operation>)/gs

export const readFault = (body: string): readonly Stale[] | undefined => {
  const stale = [...body.matchAll(OPERATION)].map(([, index, version, curVersion, data = '']) => ({ index: Number(index), version: Number(version), curVersion: Number(curVersion), data }))
  return body.includes('Client.BadCall.WrongDelta') && stale.length > 0 && stale.length === body.split('<operation ').length - 1 ? stale : undefined
}

/** The first number from 0 that fulfils a condition which holds for all numbers behind it; `end` when none does. */
const firstFrom = (end: number, holds: (at: number) => boolean): number => {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** A value that changes at positions of the history; position n is the state after n requests. */
interface Entry<T> {
  readonly from: number
  readonly value: T
}

const valueAt = <T>(entries: readonly Entry<T>[] | undefined, position: number): T | undefined =>
  entries?.[firstFrom(entries.length, (at) => (entries[at]?.from ?? 0) > position) - 1]?.value

const append = <T>(map: Map<string, Entry<T>[]>, key: string, entry: Entry<T>): void => {
  const list = map.get(key) ?? []
  if (list.push(entry) === 1) map.set(key, list)
}

export const keyOf = ({ category, container, instance }: Pick<Operation, 'category' | 'container' | 'instance'>): string => `${category} ${container} ${instance}`

const MISSING = { version: 0, payload: '' }

/** The linearised history of one publisher: requests in the order of their revisions, and what was stored after each. */
interface History {
  readonly order: readonly Sent[]
  readonly positions: ReadonlyMap<string, number>
  readonly instanceAt: (key: string, position: number) => typeof MISSING
  readonly categoryAt: (category: string, position: number) => string
}

type Report = (text: string) => void
/** When its success was first known, and when it was first sent. */
const firstAnswer = ({ deliveries }: Sent): number => Math.min(...deliveries.map(({ answered, heard }) => (heard?.code === 200 ? answered : Infinity)))
const firstSent = ({ deliveries }: Sent): number => Math.min(...deliveries.map(({ sent }) => sent))

/** Replays what the database carried out: versions dense, one winner each, every request whole and at the versions that it named. */
const replay = ({ publisher, requests, committed, writes }: Evidence, tally: Tally, report: Report): History => {
  const byCallId = new Map(requests.map((request) => [request.callId, request]))
  const writesAt = Map.groupBy(writes, ({ revision }) => revision)
  const instances = new Map<string, Entry<Row>[]>()
  const categories = new Map<string, Entry<string>[]>()
  const current = new Map<string, Row>()
  const winners = new Map<string, string>()
  const lives = new Map<string, number>()
  const order: Sent[] = []
  const positions = new Map<string, number>()
  const sorted = [...committed].sort((a, b) => a.revision - b.revision)
  const first = sorted[0]?.revision ?? 0
  for (const { revision, callId, touch } of sorted) {
    const request = byCallId.get(callId)
    if (request === undefined || positions.has(callId)) {
      report(`${publisher}: ${callId} ${request === undefined ? 'was never sent' : 'was carried out twice'}`)
      continue
    }
    order.push(request)
    const position = order.length
    positions.set(callId, position)
    if (revision !== first + position - 1) report(`${publisher}: ${callId} made revision ${revision}, not ${first + position - 1}`)
    const actual = writesAt.get(revision) ?? []
    writesAt.delete(revision)
    const expected = request.operations.flatMap((operation) => {
      const { version } = current.get(keyOf(operation)) ?? MISSING
      if (version !== operation.version) report(`${publisher}: ${callId} was carried out on ${keyOf(operation)} with version ${operation.version} while ${version} was stored`)
      return operation.payload === undefined ? version === 0 ? [] : [`${keyOf(operation)} 0`] : [`${keyOf(operation)} ${operation.version + 1} ${operation.payload}`]
    })
    const found = actual.map((write) => `${keyOf(write)} ${write.version}${write.version === 0 ? '' : ` ${write.payload}`}`)
    if (expected.sort().join('\n') !== found.sort().join('\n')) report(`${publisher}: ${callId} was not carried out as a whole: wrote [${found.join('; ')}] instead of [${expected.join('; ')}]`)
    for (const { category } of actual) if (touch?.includes(`"${category}"`) !== true) report(`${publisher}: ${callId} left no word of ${category} to be told`)
    for (const write of actual) {
      const key = keyOf(write)
      const { version } = current.get(key) ?? MISSING
      tally.versionsChecked += 1
      if (write.version > 0) {
        if (version === 0) lives.set(key, (lives.get(key) ?? 0) + 1)
        const prize = `${key}, life ${lives.get(key) ?? 0}, version ${write.version}`
        const winner = winners.get(prize)
        if (winner !== undefined) report(`${publisher}: ${prize} has two winners, ${winner} and ${callId}`)
        else if (write.version !== version + 1) report(`${publisher}: ${prize} follows version ${version}`)
        winners.set(prize, callId)
      }
      current.set(key, write)
      append(instances, key, { from: position, value: write })
    }
    for (const category of new Set(actual.map((write) => write.category))) append(categories, category, { from: position, value: textOf([...current.values()].filter((row) => row.category === category)) })
  }
  for (const revision of writesAt.keys()) report(`${publisher}: something was written at revision ${revision} by no request`)
  tally.lives += [...lives.values()].reduce((sum, count) => sum + count, 0)
  return {
    order, positions,
    instanceAt: (key, position) => valueAt(instances.get(key), position) ?? MISSING,
    categoryAt: (category, position) => valueAt(categories.get(category), position) ?? '',
  }
}

const shows = (history: History, document: Document, position: number): boolean => [...document].every(([category, text]) => history.categoryAt(category, position) === text)

/** True when a fault names exactly what is stale after `position` requests, with what is stored there. */
const isFaultAt = (history: History, { operations }: Sent, stale: readonly Stale[], position: number): boolean => {
  const expected = operations.flatMap((operation, at) => {
    const { version, payload } = history.instanceAt(keyOf(operation), position)
    return version === operation.version ? [] : [`${at + 1} ${operation.version} ${version} ${payload}`]
  })
  return expected.join('\n') === stale.map(({ index, version, curVersion, data }) => `${index} ${version} ${curVersion} ${data}`).join('\n')
}

/** Every answer must have been true at one moment between request and answer. */
const checkAnswers = ({ publisher, requests }: Evidence, history: History, tally: Tally, report: Report): void => {
  const { order, positions } = history
  // A request is committed after it and all before it were sent, and before it or any behind it was answered. The clock is that of the clients alone.
  const earliest: number[] = [-Infinity]
  for (const request of order) earliest.push(Math.max(earliest.at(-1) ?? -Infinity, firstSent(request)))
  const latest: number[] = Array.from({ length: order.length + 2 }, () => Infinity)
  for (const [at, request] of [...order.entries()].reverse()) latest[at + 1] = Math.min(latest[at + 2] ?? Infinity, firstAnswer(request))
  for (const [at, request] of order.entries()) {
    if ((earliest[at + 1] ?? 0) > (latest[at + 1] ?? 0)) report(`${publisher}: ${request.callId} was answered before something was sent that comes before it`)
  }
  const isTrueSometime = ({ sent, answered }: Delivery, from: number, to: number, holds: (position: number) => boolean): boolean => {
    const begin = Math.max(from, firstFrom(order.length, (position) => (latest[position + 1] ?? Infinity) >= sent))
    const end = Math.min(to, firstFrom(order.length + 1, (position) => (earliest[position] ?? Infinity) > answered) - 1)
    for (let position = begin; position <= end; position += 1) if (holds(position)) return true
    return false
  }
  for (const request of requests) {
    const { callId, deliveries, operations } = request
    const position = positions.get(callId)
    if (position !== undefined && deliveries.every(({ heard }) => heard === undefined)) tally.unknownStored += 1
    for (const delivery of deliveries) {
      const { heard } = delivery
      if (heard?.code === 200) {
        tally.documentsChecked += 1
        if (position === undefined) {
          report(`${publisher}: ${callId} was acknowledged and is lost`)
          continue
        }
        const named = new Set(operations.map(({ category }) => category))
        const complete = named.size === heard.document.size && [...named].every((category) => heard.document.has(category))
        // The answer to a repeated request shows the data as it is by then.
        const right = deliveries.length === 1 ? shows(history, heard.document, position) : isTrueSometime(delivery, position, order.length, (at) => shows(history, heard.document, at))
        if (!complete || !right) report(`${publisher}: the answer to ${callId} shows what was not stored: ${JSON.stringify([...heard.document])}`)
      }
      if (heard?.code === 409) {
        tally.conflictsChecked += 1
        tally.staleOperations += heard.stale.length
        if (position !== undefined && deliveries.length === 1) report(`${publisher}: ${callId} was refused and is stored`)
        else if (!isTrueSometime(delivery, 0, position === undefined ? order.length : position - 1, (at) => isFaultAt(history, request, heard.stale, at))) {
          report(`${publisher}: the conflict of ${callId} is none that ever was in its time: ${JSON.stringify(heard.stale)}`)
        }
      }
    }
  }
}

/** Self subscribers are shown states that were, in their order, and in the end the stored one. */
const checkNotices = ({ publisher, notices }: Evidence, history: History, tally: Tally, report: Report): void => {
  const seen = new Map<string, string>()
  let position = 0
  let highest = 0
  for (const { cseq, document } of notices) {
    tally.notificationsChecked += 1
    if (cseq === highest) tally.numbersUsedTwice += 1
    // A client refuses a number below the highest one it has seen (RFC 3261 12.2.2).
    if (cseq < highest) continue
    highest = cseq
    if (document === undefined) {
      report(`${publisher}: notification ${cseq} is not readable, or ends the subscription`)
      continue
    }
    let at = position
    while (at <= history.order.length && !shows(history, document, at)) at += 1
    if (at > history.order.length) report(`${publisher}: notification ${cseq} shows what was never stored, or older than what the one before it showed`)
    else position = at
    for (const [category, text] of document) seen.set(category, text)
  }
  const categories = new Set(history.order.flatMap(({ operations }) => operations.map(({ category }) => category)))
  for (const category of categories) {
    const stored = history.categoryAt(category, history.order.length)
    if ((seen.get(category) ?? '') !== stored) report(`${publisher}: the self subscriber ends with ${category} [${seen.get(category) ?? ''}] while [${stored}] is stored`)
  }
}

/** Checks one publisher's whole story; `report` gets a sentence for everything that cannot be. */
export const checkHistory = (evidence: Evidence, tally: Tally, report: Report): void => {
  const { publisher, committed, revision, stored } = evidence
  const history = replay(evidence, tally, report)
  checkAnswers(evidence, history, tally, report)
  checkNotices(evidence, history, tally, report)
  const last = Math.max(...committed.map((row) => row.revision))
  if (committed.length > 0 && revision !== last) report(`${publisher}: the revision is ${revision} while the last request made ${last}`)
  for (const category of new Set([...stored.keys(), ...evidence.writes.map((write) => write.category)])) {
    const expected = history.categoryAt(category, history.order.length)
    if ((stored.get(category) ?? '') !== expected) report(`${publisher}: ${category} is stored as [${stored.get(category) ?? ''}] while its last write left [${expected}]`)
  }
}
