import { createServer as createEngine } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { tagOf } from '../../support/sip-client.ts'
import { batch, publication, publish, refreshOnly, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

// A missing figure must not pass for zero.
const transactions = async (rpc: (method: string) => Promise<Record<string, unknown>>): Promise<number> => Number((await rpc('tm.stats'))['current'] ?? Number.NaN)

export const scenario: Scenario = {
  title: 'engine down or hanging: 503 with Retry-After, nothing leaks, the rest goes on; dialogs outlive a restart',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const publisher = await stack.client(anna, transport)
    const watcher = await stack.client(boris, transport)
    const leaver = await stack.client(boris, transport)
    for (const client of [publisher, watcher, leaver]) await client.register()
    await publisher.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    const callId = `watch-${boris}`
    const subscribed = await watcher.request('SUBSCRIBE', { ...batch([anna], ['note']), callId })

    await stack.stopEngine()
    const refused = await publisher.request('SERVICE', publish(anna, publication('lost')))
    t.equal(refused.status, 503)
    t.match(refused.header('Retry-After'), /^\d+$/)
    t.equal((await publisher.request('OPTIONS', { contact: null })).status, 200, 'everything else goes on')

    // A registration or departure that the engine has not heard of yet holds back what its user asks for next, which might end with the endpoint of before.
    let hears = false
    const asked: string[] = []
    const deaf = createEngine((request, response) => {
      request.resume()
      asked.push(request.url?.split('?', 1)[0] ?? '')
      response.writeHead(hears ? 200 : 500, { 'content-type': 'application/json' }).end('{}')
    })
    await new Promise<void>((resolve) => deaf.listen(stack.enginePort, '127.0.0.1', resolve))
    const until = async (what: string, act: () => Promise<unknown>): Promise<void> => {
      for (let tries = 0; tries < 100 && !asked.includes(what); tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        await act()
      }
    }
    for (const expires of [3600, 0]) {
      hears = false
      asked.length = 0
      t.equal((await leaver.register(expires)).status, 200)
      await until('/v1/registration', async () => undefined)
      t.equal((await leaver.request('SUBSCRIBE', batch([anna], ['note']))).status, 503)
      t.same([...new Set(asked)], ['/v1/registration'], 'the engine can be reached, and was not asked')
      hears = true
      await until('/v1/sip', () => leaver.request('SUBSCRIBE', batch([anna], ['note'])))
      t.ok(asked.includes('/v1/sip'), 'once it has heard of it, it is')
    }
    deaf.closeAllConnections()
    await new Promise((resolve) => deaf.close(resolve))

    const late = await stack.client(anna, transport)
    t.equal((await late.register()).status, 200, 'registration works without the engine')

    const held: Socket[] = []
    const hanging = createServer((socket) => { held.push(socket) })
    await new Promise<void>((resolve) => hanging.listen(stack.enginePort, '127.0.0.1', resolve))
    // The breaker lets one probe through at a time; the others are refused at once.
    const answers = await Promise.all(Array.from({ length: 20 }, () => publisher.request('SERVICE', publish(anna, publication('hangs')))))
    t.same([...new Set(answers.map(({ status }) => status))], [503])
    t.equal((await publisher.request('OPTIONS', { contact: null })).status, 200)
    for (const socket of held) socket.destroy()
    await new Promise((resolve) => hanging.close(resolve))

    await stack.startEngine()
    // The breaker half-opens by itself a few seconds later; the client repeats as Retry-After asks it to.
    let published = await publisher.request('SERVICE', publish(anna, publication('back')))
    for (let tries = 0; tries < 40 && published.status === 503; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      published = await publisher.request('SERVICE', publish(anna, publication('back')))
    }
    t.equal(published.status, 200)
    t.match((await watcher.notification(callId)).body, /back/, 'the dialog outlived the restart')
    t.equal((await watcher.request('SUBSCRIBE', { ...refreshOnly('presence'), callId, toTag: tagOf(subscribed.header('To')) })).status, 200)
    let known: readonly unknown[] = []
    for (let tries = 0; tries < 100 && known.length === 0; tries += 1) {
      known = await stack.query(`SELECT 1 FROM endpoint WHERE user_uri = '${anna}' AND epid = '${late.epid}'`)
      if (known.length === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.equal(known.length, 1, 'the registration that came meanwhile was caught up')
    let left = await transactions(stack.rpc)
    for (let tries = 0; tries < 80 && left !== 0; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      left = await transactions(stack.rpc)
    }
    t.equal(left, 0, 'no transaction leaks')
  },
}
