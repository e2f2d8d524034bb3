import type { Static } from 'typebox'
import type { Explanation } from '../http/admin/explain-schemas.ts'

/** The answer of GET /admin/v1/explain. */
export type ExplanationText = Static<typeof Explanation>

type Trail = ExplanationText['categories'][number]
type Dialog = ExplanationText['dialogs'][number]

const memberText = ({ type, value }: Trail['candidates'][number]['members'][number]): string => (value === undefined ? type : `${type} ${value}`)

const ruleText = ({ rule, value, containers, picks }: Trail['rules'][number], at: number): string => {
  const matched = containers.length === 0 ? 'no container' : `container ${containers.join(', ')}`
  return `    ${at + 1}. ${value === undefined ? rule : `${rule} ${value}`}: ${matched}${containers.length > 0 && picks === undefined ? ', which does not publish it' : picks === undefined ? '' : ` -> ${picks}`}`
}

const candidateText = ({ container, members, outcome, why }: Trail['candidates'][number]): string =>
  `    ${outcome === 'wins' ? '*' : ' '} ${String(container).padStart(5)}  [${members.map(memberText).join(', ')}]  ${why}`

const categoryText = (trail: Trail): string => [
  `${trail.category}: ${trail.private ? 'private, never given to others' : trail.container === undefined ? 'nothing is seen (blocked, or not published)' : `seen from container ${trail.container}`}${trail.registered ? '' : ' (not a registered category)'}`,
  '  rules, in the order in which they decide:', ...trail.rules.map(ruleText),
  '  containers:', ...trail.candidates.map(candidateText),
  ...(trail.instances.length === 0 ? [] : ['  instances:', ...trail.instances.map(({ instance, version, publishTime, expireType, xml }) => `    #${instance} v${version} ${publishTime} ${expireType} ${xml}`)]),
  ...(trail.quota === undefined ? [] : [`  quota: ${trail.quota.bytes} of ${trail.quota.quotaBytes} bytes used, ${trail.quota.maxBytes} for one publication`]),
].join('\n')

const dialogText = ({ kind, callId, endpointId, proxy, categories, expiresAt, lastNotification, owed }: Dialog): string =>
  `  ${kind} ${callId}${endpointId === undefined ? '' : `, endpoint ${endpointId}`}, proxy ${proxy}, until ${expiresAt}: ${categories.join(', ')}; last notification CSeq ${lastNotification.cseq} at ${lastNotification.at}${lastNotification.taken === false ? ' was not taken' : ''}` +
  (owed === undefined ? '' : `; OWED since ${owed.attempts} attempts (${owed.reason}), next at ${owed.dueAt}`)

/** An explanation for people to read. */
export const writeExplanation = ({ publisher, subscriber, access, network, categories, dialogs, quotas }: ExplanationText): string => `${[
  `${subscriber} looks at ${publisher}`,
  `source network: ${network.value ?? 'none, its domain is blocked'} (by ${network.from})`,
  access.granted ? 'subscribing is allowed' : `subscribing is REFUSED (${access.refusal ?? ''}): ${access.why ?? ''}`,
  ...(categories.length === 0 ? ['nothing is published'] : categories.map(categoryText)),
  dialogs.length === 0 ? 'live subscriptions: none' : `live subscriptions:\n${dialogs.map(dialogText).join('\n')}`,
  `container members: ${quotas.members.used} of ${quotas.members.max}; publications: ${quotas.publications.bytes} of ${quotas.publications.max} bytes`,
].join('\n')}\n`
