import { ok, type Result } from '../base/result.ts'
import { accessRights, aceTypes, type Ace, type AceKey, type AceType } from '../model/access-list.ts'
import { readUserKey } from '../sip/uri.ts'
import { notValid } from './reading.ts'
import { DOMAIN } from './set-container-members.ts'
import { readDeltaNum, readFields, readOptional, readText } from './soap-fields.ts'
import type { SoapRequest } from './soap.ts'

/** A change of the access list (MS-SIP 3.7): one entry, in place of that with the same type and mask. */
export interface SetAce {
  /** The number that the client holds; undefined when it names none, and then nothing is checked. */
  readonly deltaNum: number | undefined
  readonly ace: Ace
}

/** The SOAP action that `readSetAce` reads. */
export const SET_ACE = 'setACE'

/** Whom an entry is about, by its type and its mask as written: a SIP URI (sip: optional), a domain, or nothing. A text says what is wrong. */
export const readAceKey = (type: AceType, written: string): AceKey | string => {
  const mask = written.trim()
  const shown = `mask "${mask.slice(0, 80)}"`
  if (type === 'ALL') return mask === '' ? { type, mask } : `${shown}: an entry of type ALL has none`
  if (type === 'DOMAIN') return DOMAIN.test(mask) ? { type, mask: mask.toLowerCase() } : `${shown} is not a domain name`
  const user = readUserKey(mask)
  return user.ok ? { type, mask: user.value } : `${shown} is not the SIP URI of a user`
}

/** Reads a setACE request (MS-SIP 4.10); 400 when it is not valid. */
export const readSetAce = (soap: SoapRequest): Result<SetAce> => {
  const fields = readFields(soap)
  if (!fields.ok) return fields
  const deltaNum = readDeltaNum(fields.value)
  if (!deltaNum.ok) return deltaNum
  const typeText = readText(fields.value, 'type')
  if (!typeText.ok) return typeText
  const type = aceTypes.find((one) => one === typeText.value.trim())
  if (type === undefined) return notValid(soap.action, `type "${typeText.value.slice(0, 40)}" is not one of ${aceTypes.join(', ')}`)
  // An entry for everybody may leave it out.
  const mask = type === 'ALL' ? readOptional(fields.value, 'mask') : readText(fields.value, 'mask')
  if (!mask.ok) return mask
  const key = readAceKey(type, mask.value ?? '')
  if (typeof key === 'string') return notValid(soap.action, key)
  const rightsText = readText(fields.value, 'rights')
  if (!rightsText.ok) return rightsText
  const rights = accessRights.find((one) => one === rightsText.value.trim())
  if (rights === undefined) return notValid(soap.action, `rights "${rightsText.value.slice(0, 40)}" are not one of ${accessRights.join(', ')}`)
  return ok({ deltaNum: deltaNum.value, ace: { ...key, rights } })
}
