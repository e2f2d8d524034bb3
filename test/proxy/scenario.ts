import type { Test } from 'tap'
import type { Stack } from '../support/stack.ts'

export type Transport = 'tcp' | 'udp'

/** One numbered end-to-end story; each runs over TCP and over UDP with users of its own. */
export interface Scenario {
  readonly title: string
  readonly transports: readonly Transport[]
  readonly play: (t: Test, stack: Stack, transport: Transport) => Promise<void>
}

export const DOMAIN = 'nordwind.example'

let count = 0

/** Creates fresh users of the enterprise domain, so that scenarios do not see each other. */
export const newUsers = async (stack: Stack, ...names: readonly string[]): Promise<readonly string[]> => {
  count += 1
  const users = names.map((name) => `${name}${count}@${DOMAIN}`)
  for (const user of users) await stack.admin('PUT', `users/${user}`, { displayName: user })
  return users
}
