import type { PayloadNode } from './payload-object.ts'
import { childrenOf, firstText, readPayload, wordsOf } from './read-payload.ts'

/** A telephone number; `type` is empty where the card does not say which it is. */
export interface CardPhone {
  readonly type: string
  /** As people write it, or the number of the tel URI. */
  readonly number: string
}

/** What presence documents show of a person's contact cards (2.2.2.7.5). */
export interface ContactCard {
  readonly displayName: string | undefined
  readonly email: string | undefined
  readonly phones: readonly CardPhone[]
}

/** `+1555` of `tel:+1555;phone-context=dialstring`; an extension is put behind it as in 4.11. */
const numberOf = (uri: string): string | undefined => {
  const [number = '', ...params] = uri.replace(/^tel:/i, '').split(';')
  const extension = params.find((param) => /^ext=./i.test(param))?.slice('ext='.length)
  if (number.trim() === '') return undefined
  return number.trim() + (extension === undefined ? '' : ` X${extension}`)
}

const readPhone = (phone: PayloadNode): readonly CardPhone[] => {
  const uri = firstText(childrenOf(phone, 'uri'))
  const number = firstText(childrenOf(phone, 'displayString')) ?? (uri === undefined ? undefined : numberOf(uri))
  return number === undefined ? [] : [{ type: wordsOf(phone, '@type') ?? '', number }]
}

/**
 * Reads the contactCard payloads of one container, in the order of their instances: of names and addresses the first, of phones all. A payload that
 * is no contact card (7.3) counts as absent. Never throws.
 */
export const readContactCards = (payloads: readonly string[]): ContactCard => {
  const cards = payloads.map((payload) => readPayload('contactCard', payload))
  const identities = cards.flatMap((card) => childrenOf(card, 'identity'))
  return {
    displayName: firstText(identities.flatMap((identity) => childrenOf(identity, 'name')).flatMap((name) => childrenOf(name, 'displayName'))),
    email: firstText(identities.flatMap((identity) => childrenOf(identity, 'email'))),
    phones: cards.flatMap((card) => childrenOf(card, 'phone')).flatMap(readPhone),
  }
}

/** Which number stands for a person where there is room for one: that at work, and of others what comes closest to it. */
const PREFERRED: readonly string[] = ['work', 'mobile', 'other', 'custom1', '', 'home']

const rank = ({ type }: CardPhone): number => (PREFERRED.includes(type) ? PREFERRED.indexOf(type) : PREFERRED.indexOf(''))

/** The one number of a card that a presence document shows (2.2.2.9.2). */
export const mainPhone = (card: ContactCard): string | undefined => [...card.phones].sort((a, b) => rank(a) - rank(b))[0]?.number
