import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { nameOf, type Phone, type PhoneStart } from './phone.ts'
import { startProgram } from './program.ts'

const configuration = (sipPort: number, controlPort: number): string => `
poll_method epoll
sip_listen 127.0.0.1:${sipPort}
module_path /usr/lib/baresip/modules
module_tmp account.so
module_app contact.so
module_app presence.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
`

/** One command over its control port, in netstrings of JSON; the text it answers with, or undefined while nobody listens. */
const ask = (port: number, command: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let heard = Buffer.alloc(0)
    const request = JSON.stringify({ command })
    const socket = connect(port, '127.0.0.1', () => socket.write(`${Buffer.byteLength(request)}:${request},`))
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(undefined))
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk])
      for (;;) {
        const [, length = ''] = /^(\d+):/.exec(heard.subarray(0, 12).toString('latin1')) ?? []
        const from = length.length + 1
        if (length === '' || heard.length < from + Number(length) + 1) return
        const message = JSON.parse(heard.subarray(from, from + Number(length)).toString('utf8')) as { readonly response?: boolean; readonly data?: string }
        heard = heard.subarray(from + Number(length) + 1)
        // Events of calls and registrations come the same way.
        if (message.response !== true) continue
        resolve(message.data ?? '')
        socket.destroy()
      }
    })
  })

/** baresip: a softphone whose presence is open or closed, and whose buddies are Online, Busy, Offline or Unknown. */
export const startBaresip = async ({ user, buddies, sipPort, transport, expires = 300 }: PhoneStart): Promise<Phone> => {
  // It listens for TLS on the port behind that of SIP.
  const [listen = 0, , control = 0] = await freePorts(3)
  const program = startProgram({
    command: 'baresip', parameters: (folder) => ['-s', '-f', folder],
    prepare: (folder) => {
      writeFileSync(join(folder, 'config'), configuration(listen, control))
      writeFileSync(join(folder, 'accounts'), `<sip:${user};transport=${transport}>;auth_pass=x;outbound="sip:127.0.0.1:${sipPort};transport=${transport}";regint=600;pubint=${expires}\n`)
      writeFileSync(join(folder, 'contacts'), buddies.map((buddy) => `"${nameOf(buddy)}" <sip:${buddy}>;presence=p2p\n`).join(''))
    },
  })
  const command = (name: string): Promise<string> => program.until(`command ${name}`, () => ask(control, name))
  return {
    output: program.output, stop: program.stop, kill: program.kill,
    goes: async (state) => { await command(`presence_${state}`) },
    shows: async (buddy, state) => {
      const line = new RegExp(`([A-Z][a-z]+)\\x1b\\[;m ${nameOf(buddy)} <sip:`)
      await program.until(`${buddy} ${state}`, async () => (line.exec(await command('contacts'))?.[1] === state ? true : undefined))
    },
  }
}
