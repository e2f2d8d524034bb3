import { createHash } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { hasKamailio } from '../../src/cli/kamailio-process.ts'
import { publication, publish, selfSubscribe, single } from '../support/messages.ts'
import type { Heard, RequestOptions, SipClient } from '../support/sip-client.ts'
import { withStack } from '../support/stack.ts'

// Digest authentication in our kamailio.cfg (WITH_AUTH) against a subscriber table in PostgreSQL: 407, and From bound to the credentials.

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

const REALM = 'nordwind.example'

const prepare = async (databaseUrl: string | undefined): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(`CREATE TABLE version (id serial PRIMARY KEY, table_name varchar(32) NOT NULL, table_version integer NOT NULL DEFAULT 0);
    INSERT INTO version (table_name, table_version) VALUES ('subscriber', 7);
    CREATE TABLE subscriber (id serial PRIMARY KEY, username varchar(64) NOT NULL, domain varchar(64) NOT NULL, password varchar(64) NOT NULL DEFAULT '', ha1 varchar(128) NOT NULL DEFAULT '', ha1b varchar(128) NOT NULL DEFAULT '')`)
  for (const name of ['anna', 'boris']) await client.query('INSERT INTO subscriber (username, domain, ha1) VALUES ($1, $2, $3)', [name, REALM, md5(`${name}:${REALM}:secret-${name}`)])
  await client.end()
}

/** Sends a request, and again with the answer to the challenge. */
const withDigest = async (client: SipClient, name: string, password: string, method: string, options: RequestOptions): Promise<{ readonly challenge: Heard; readonly answer: Heard }> => {
  const challenge = await client.request(method, options)
  const nonce = /nonce="([^"]+)"/.exec(challenge.header('Proxy-Authenticate') ?? '')?.[1] ?? ''
  const uri = options.uri ?? `sip:${options.to ?? client.user}`
  const response = md5(`${md5(`${name}:${REALM}:${password}`)}:${nonce}:${md5(`${method}:${uri}`)}`)
  const credentials = `Proxy-Authorization: Digest username="${name}", realm="${REALM}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=MD5`
  return { challenge, answer: await client.request(method, { ...options, headers: [...options.headers ?? [], credentials] }) }
}

const server = process.env['TEST_DATABASE_URL']

if (!hasKamailio() || server === undefined) {
  if (process.env['REQUIRE_KAMAILIO'] === '1' && server !== undefined) t.fail('kamailio is required and not installed')
  else await t.test('digest through Kamailio', { skip: 'needs kamailio and TEST_DATABASE_URL (the subscriber table is in PostgreSQL)' }, async () => undefined)
} else {
  for (const transport of ['tcp', 'udp'] as const) {
    await t.test(`digest over ${transport}`, async (t) => {
      await withStack({
        engine: { PRESENTIA_REQUIRE_AUTHENTICATED_USER: 'true' }, prepare,
        kamailio: (databaseUrl) => ({ WITH_AUTH: '1', DB_URL: (databaseUrl ?? '').replace(/^postgresql:/, 'postgres:').replace(/\?.*/, '') }),
      }, async (stack) => {
        await stack.admin('PUT', `domains/${REALM}`, { kind: 'enterprise' })
        for (const name of ['anna', 'boris']) await stack.admin('PUT', `users/${name}@${REALM}`, { displayName: name })
        const anna = await stack.client(`anna@${REALM}`, transport)
        const register: RequestOptions = { uri: `sip:${REALM}`, callId: 'register-anna', headers: ['Expires: 600'] }
        const signIn = await withDigest(anna, 'anna', 'secret-anna', 'REGISTER', register)
        t.equal(signIn.challenge.status, 407, '407 also for REGISTER: these clients do not understand 401 with Digest')
        t.equal(signIn.answer.status, 200)
        t.equal((await withDigest(anna, 'anna', 'wrong', 'REGISTER', register)).answer.status, 407)
        t.equal((await withDigest(anna, 'anna', 'secret-anna', 'SUBSCRIBE', selfSubscribe())).answer.status, 200)
        t.equal((await withDigest(anna, 'anna', 'secret-anna', 'SERVICE', publish(anna.user, publication('mine')))).answer.status, 200)
        t.equal((await withDigest(anna, 'boris', 'secret-boris', 'SERVICE', publish(anna.user, publication('not mine')))).answer.status, 403, 'From is bound to the credentials')
        const phone: RequestOptions = { headers: ['Event: presence', 'Content-Type: application/pidf+xml'], body: '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity=""/>' }
        t.equal((await withDigest(anna, 'anna', 'secret-anna', 'PUBLISH', phone)).answer.status, 200)
        t.equal((await withDigest(anna, 'boris', 'secret-boris', 'PUBLISH', phone)).answer.status, 403)
        t.same(await stack.query('SELECT count(*) AS n FROM category_instance WHERE category = \'note\''), [{ n: 1 }])
        const elsewhere = await stack.client('clara@127.0.0.1', 'udp')
        const asked = withDigest(anna, 'anna', 'secret-anna', 'SUBSCRIBE', { ...single(elsewhere.user, ['note']), uri: `sip:clara@127.0.0.1:${elsewhere.localPort}` })
        const relayed = await elsewhere.wait('the SUBSCRIBE', ({ method }) => method === 'SUBSCRIBE')
        t.same(relayed.all('Proxy-Authorization'), [], 'credentials stay here')
        elsewhere.write(['SIP/2.0 404 Not Found', ...['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap((header) => relayed.all(header).map((value) => `${header}: ${value}`)), 'Content-Length: 0', '', ''].join('\r\n'))
        t.equal((await asked).answer.status, 404)
      })
    })
  }
}
