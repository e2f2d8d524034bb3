import { defaultContainer, type Container, type ContainerMember } from '../model/container.ts'
import { indexMembership, pickContainer, rankContainers, tryRules, type RuleTried, type Watcher } from './membership.ts'

/** What became of one container: it wins, or why it does not; `withheld` would win if something else did not forbid it. */
export type CandidateOutcome = 'wins' | 'withheld' | 'notPublished' | 'notMember' | 'lowerNumber' | 'laterRule'

/** A container of the publisher in the light of one watcher and one category. */
export interface Candidate {
  readonly container: number
  readonly membersVersion: number
  readonly members: readonly ContainerMember[]
  /** It publishes the category. */
  readonly published: boolean
  /** The first rule by which the watcher is a member. */
  readonly rule: RuleTried['rule'] | undefined
  readonly outcome: CandidateOutcome
  /** The outcome for an operator to read. */
  readonly why: string
}

/** How a watcher is resolved for one category: each rule in order, each container, and the decision. */
export interface ResolutionTrail {
  readonly rules: readonly (RuleTried & { /** The container that the rule picks: its highest one that publishes the category. */ readonly picks: number | undefined })[]
  readonly candidates: readonly Candidate[]
  /** Undefined: blocked, or not published at all. */
  readonly container: number | undefined
}

const nameOf = ({ rule, value }: Pick<RuleTried, 'rule' | 'value'>): string => (value === '' ? rule : `${rule} ${value}`)

/**
 * Explains a resolution (3.2.5.3). It asks the functions that decide and only puts down what they say: `tryRules`, `rankContainers` and
 * `pickContainer` are those of every notification. `withheld` says why nothing is seen whatever they say.
 */
export const explainResolution = (containers: readonly Container[], watcher: Watcher, published: ReadonlySet<number>, withheld?: string): ResolutionTrail => {
  const index = indexMembership(containers)
  const rules = tryRules(index, watcher)
  const winner = pickContainer(rankContainers(index)(watcher), published)
  const winning = rules.find((tried) => winner !== undefined && tried.containers.includes(winner))
  const stored = new Map([defaultContainer, ...containers].map((container) => [container.id, container]))
  const judge = (container: number): Pick<Candidate, 'rule' | 'outcome' | 'why'> => {
    const matched = rules.find((tried) => tried.containers.includes(container))
    const rule = matched?.rule
    if (container === winner && withheld !== undefined) return { rule, outcome: 'withheld', why: `would be the one, but ${withheld}` }
    if (container === winner) return { rule, outcome: 'wins', why: `matched by rule ${winning === undefined ? '' : nameOf(winning)}: the first rule that matches a container with the category, and its highest number` }
    if (!published.has(container)) return { rule, outcome: 'notPublished', why: 'does not publish the category' }
    if (matched === undefined) return { rule, outcome: 'notMember', why: 'none of its members matches the subscriber' }
    return matched === winning
      ? { rule, outcome: 'lowerNumber', why: `matched by the same rule ${nameOf(matched)}, but ${winner} is a higher number` }
      : { rule, outcome: 'laterRule', why: `matched by rule ${nameOf(matched)} only, which comes after rule ${winning === undefined ? '' : nameOf(winning)}` }
  }
  const ids = [...new Set([...stored.keys(), ...published])].sort((a, b) => b - a)
  return {
    rules: rules.map((tried) => ({ ...tried, picks: pickContainer(tried.containers, published) })),
    candidates: ids.map((container) => ({
      container, membersVersion: stored.get(container)?.membersVersion ?? 0, members: stored.get(container)?.members ?? [], published: published.has(container), ...judge(container),
    })),
    container: withheld === undefined ? winner : undefined,
  }
}
