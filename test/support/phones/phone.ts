/** A telephone on somebody's desk, as the tests use it. */
export interface Phone {
  /** Waits until it shows a buddy in this state, in the phone's own words; throws with what it did otherwise. */
  readonly shows: (buddy: string, state: string) => Promise<void>
  /** Its user says to be there, or not. */
  readonly goes: (state: 'online' | 'offline') => Promise<void>
  /** Everything it printed and logged. */
  readonly output: () => string
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
}

export interface PhoneStart {
  /** Whose phone it is: `alice@example.com`. */
  readonly user: string
  readonly buddies: readonly string[]
  /** Where the proxy listens on loopback. */
  readonly sipPort: number
  readonly transport: 'tcp' | 'udp'
  /** Life of what it publishes and watches, in seconds. */
  readonly expires?: number
}

export const nameOf = (user: string): string => user.split('@', 1)[0] ?? user
