import { expectOk } from './bench-link.ts'
import { openStoredUsers, TEMPLATE, type StoredUsers } from './bench-growth-users.ts'
import type { Stage } from './bench-stage.ts'
import * as wire from './demo-messages.ts'

/** Makes users u0 … who have shown a note to all of their enterprise and are signed out. */
export const storeColleagues = async (stage: Stage, databaseUrl: string, count: number): Promise<StoredUsers> => {
  const link = await stage.open()
  await expectOk('register', link.send(wire.register(TEMPLATE)))
  await expectOk('member', link.send(wire.setMember(TEMPLATE, 200, 0, 'type="sameEnterprise"')))
  await expectOk('publish', link.send(wire.publishNote(TEMPLATE, 200, 0, 'hello')))
  const stored = await openStoredUsers(databaseUrl)
  await stored.growTo(count)
  // Copies of the template's own endpoint.
  await stored.query("DELETE FROM endpoint WHERE user_uri LIKE 'u%'")
  return stored
}
