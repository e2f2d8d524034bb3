import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../config/config.ts'
import { start } from '../main.ts'
import { createLog } from '../observe/log.ts'
import * as wire from './demo-messages.ts'

interface Answer { readonly reply: { readonly code: number; readonly reason: string; readonly toTag: string; readonly headers: string; readonly body: string } }
interface Instruction { readonly m: string; readonly ruri: string; readonly h: string; readonly b: string }

const say = (text: string): void => { process.stdout.write(`${text}\n`) }

/** XML on lines of its own, without the namespaces that only machines want to read. */
const pretty = (xml: string): string =>
  xml.replace(/ xmlns(:\w+)?="[^"]*"/g, '').replace(/></g, '>\n<').split('\n').filter((line) => line !== '' && !/^(--|Content-)/.test(line.trim())).map((line) => `      ${line.trim()}`).join('\n')

/** The part of a proxy that the story needs: it takes notifications and keeps them for whoever waits. */
const openMailbox = async (): Promise<{ readonly url: string; readonly next: () => Promise<Instruction>; readonly close: () => void }> => {
  const heard: Instruction[] = []
  const waiting: ((instruction: Instruction) => void)[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => {
      const instructions = JSON.parse(text) as Instruction[]
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ r: instructions.map(() => 202) }))
      for (const instruction of instructions) {
        const taker = waiting.shift()
        if (taker === undefined) heard.push(instruction)
        else taker(instruction)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/notify`,
    next: () => {
      const first = heard.shift()
      return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first)
    },
    close: () => server.close(),
  }
}

/** `presentia demo`: two users, one story, no proxy; everything it makes is gone at the end. */
export const run = async (): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-demo-'))
  const mailbox = await openMailbox()
  const secret = randomBytes(16).toString('hex')
  const key = randomBytes(16).toString('hex')
  const config = readConfig({
    PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_KEY: key,
    PRESENTIA_PROXIES: JSON.stringify({ demo: { kind: 'plain', secret, notifyUrl: mailbox.url } }), PRESENTIA_RECONCILE_MS: '0', PRESENTIA_LOG_LEVEL: 'error',
  })
  say('Starting a temporary engine on an embedded database ...')
  const engine = await start(config, createLog(config.logLevel))
  const admin = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${engine.adminAddress}/admin/v1/${path}`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  }
  const post = async (path: string, user: string, message: string): Promise<unknown> => {
    const flow = encodeURIComponent(`demo/${user}`)
    const response = await fetch(`${engine.proxyAddress}${path}?tid=1&flow=${flow}&contact=sip%3Ademo.invalid`, {
      method: 'POST', headers: { authorization: `Basic ${Buffer.from(`demo:${secret}`).toString('base64')}`, 'content-type': 'message/sip' }, body: message,
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const ask = async (user: string, title: string, message: string): Promise<Answer['reply']> => {
    const { reply } = await post('/v1/sip', user, message) as Answer
    say(`\n${title}\n  -> ${message.split('\r\n', 1)[0] ?? ''}\n  <- ${reply.code} ${reply.reason}`)
    if (reply.code !== 200) say(`      ${reply.headers.trim()}`)
    if (reply.body !== '') say(pretty(reply.body))
    return reply
  }
  const hear = async (): Promise<void> => {
    const { m, ruri, h, b } = await mailbox.next()
    say(`  ${ruri.includes('alice') ? 'Alice' : 'Bob'} hears ${m} ${/CSeq: (\d+)/.exec(h)?.[1] ?? ''} (${/Event: (.*)/.exec(h)?.[1] ?? ''}):\n${pretty(b)}`)
  }
  try {
    await admin('domains/example.com', { kind: 'enterprise' })
    await admin('users/alice@example.com', { displayName: 'Alice' })
    await admin('users/bob@example.com', { displayName: 'Bob' })
    say('The operator creates the domain example.com with the users Alice and Bob. Both sign in.')
    for (const user of ['alice', 'bob']) await post('/v1/registration', user, wire.register(user))
    await ask('alice', 'Alice subscribes to her own data.', wire.subscribeSelf('alice'))
    await ask('alice', 'Alice lets her enterprise into container 200.', wire.setMember('alice', 200, 0, 'type="sameEnterprise"'))
    await hear()
    await ask('bob', 'Bob watches Alice; she has published nothing.', wire.watch('bob', 'alice'))
    await ask('alice', 'Alice publishes a note for container 200.', wire.publishNote('alice', 200, 0, 'Working until five'))
    await hear()
    await hear()
    await ask('alice', 'A second device of Alice does not know the note yet and is told what is there.', wire.publishNote('alice', 200, 0, 'Something else'))
    await ask('alice', 'Alice blocks Bob: container 32000 shows nothing, and its members are looked up by name first.', wire.blockWith('alice', 32000, 0, 'bob'))
    await hear()
    await ask('alice', 'Alice publishes an empty note there, which is all that Bob sees from now on.', wire.publishNote('alice', 32000, 0, ''))
    await hear()
    await hear()
    say('\nThe end. Now try it with a real proxy: npm run stack')
  } finally {
    await engine.stop()
    mailbox.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
