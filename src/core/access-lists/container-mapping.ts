import type { AccessRights, AceKey } from '../model/access-list.ts'
import type { ContainerMember } from '../model/container.ts'
import type { SourceNetwork } from '../model/network.ts'

/*
 * How access lists and containers mean the same. No document says it; this is our own table. Container 32000 decides who is blocked, the access list says how (denied or politely),
 * and who has to wait.
 *
 * | first letter | in 32000 | elsewhere | why |
 * | A | taken out | where something less specific in 32000 would still block it, a member of the container that it would see without that; where it is a member already it stays | an entry more specific than a blocking one shall win for everybody |
 * | B | put in | untouched | enhanced presence blocks by 32000 (MS-PRES 1.3.1.3.4) |
 * | D | put in | untouched | enhanced presence knows no open refusal; the next best is to block |
 * | P | taken out | untouched | enhanced presence asks no leave: who waits there sees what it saw before, which is nothing where something less specific blocks it |
 *
 * An entry that a request does not name keeps what it says, and is settled by the same table: a user who is allowed stays visible when later its domain is blocked. Who has put a watcher who
 * waits into a container has let it in.
 */

/** How known clients write a block. */
export const BLOCKED_RIGHTS: AccessRights = 'BD'

/** Where those are put who must be visible and would be in no container at all: as clients expect it (MS-PRES 4.4.2), public clouds like other enterprises. */
export const visibleContainer: Readonly<Record<SourceNetwork, number>> = { sameEnterprise: 200, federated: 100, publicCloud: 100 }

/** `everyone` comes after the networks, which have containers of their own (1.3.1.3.7): only all four together are everybody. */
const EVERYBODY: readonly ContainerMember[] = (['sameEnterprise', 'federated', 'publicCloud', 'everyone'] as const).map((type) => ({ type, value: '' }))

/** The members that stand for an entry. */
export const membersOf = ({ type, mask }: AceKey): readonly ContainerMember[] =>
  type === 'ALL' ? EVERYBODY : [{ type: type === 'USER' ? 'user' : 'domain', value: mask }]
