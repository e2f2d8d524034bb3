import { readdirSync } from 'node:fs'
import t from 'tap'
import { hasKamailio } from '../../src/cli/kamailio-process.ts'
import { withStack } from '../support/stack.ts'
import { DOMAIN, type Scenario } from './scenario.ts'

// The numbered scenarios through a real Kamailio, over TCP and over UDP. REQUIRE_KAMAILIO=1 makes its absence a failure.
const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory() && /^\d\d-/.test(entry.name)).map(({ name }) => name).sort()

if (!hasKamailio()) {
  if (process.env['REQUIRE_KAMAILIO'] === '1') t.fail('kamailio is required and not installed')
  else await t.test(`${folders.length} scenarios through Kamailio`, { skip: 'kamailio is not installed (kamailio/install.sh)' }, async () => undefined)
} else {
  await withStack({ engine: { PRESENTIA_LOST_CONNECTION_GRACE_MS: '2000', PRESENTIA_RECONCILE_MS: '500', PRESENTIA_RECONCILE_GRACE_MS: '2000' } }, async (stack) => {
    for (const [domain, kind] of [[DOMAIN, 'enterprise'], ['cloud.example', 'publicCloud'], ['evil.example', 'blocked']] as const) await stack.admin('PUT', `domains/${domain}`, { kind })
    for (const folder of folders) {
      const { scenario } = await import(`./${folder}/scenario.ts`) as { readonly scenario: Scenario }
      for (const transport of scenario.transports) {
        await t.test(`${folder} ${transport}: ${scenario.title}`, { bail: false }, (t) => scenario.play(t, stack, transport))
      }
    }
  })
}
