import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { nameOf, type Phone, type PhoneStart } from './phone.ts'
import { startProgram } from './program.ts'

const configuration = ({ user, buddies, sipPort, transport, expires = 300 }: PhoneStart, listen: number): string => `
[sip]
sip_port=${transport === 'udp' ? listen : 0}
sip_tcp_port=${transport === 'tcp' ? listen : 0}
sip_tls_port=0
publish_presence=1
[proxy_0]
reg_proxy=<sip:127.0.0.1:${sipPort};transport=${transport}>
reg_route=<sip:127.0.0.1:${sipPort};transport=${transport}>
reg_identity=sip:${user}
reg_expires=600
reg_sendregister=1
publish=1
publish_expires=${expires}
${buddies.map((buddy, at) => `[friend_${at}]\nurl="${nameOf(buddy)}" <sip:${buddy}>\npol=accept\nsubscribe=1\n`).join('')}`

/** Linphone on the console: online while it runs; it prints each change of a friend. */
export const startLinphone = async (start: PhoneStart): Promise<Phone> => {
  const [listen = 0] = await freePorts(1)
  const program = startProgram({
    // Line by line, or the changes would wait in a buffer until it ends.
    command: 'stdbuf', parameters: (folder) => ['-oL', 'linphonec', '-c', join(folder, 'rc'), '-d', '6', '-l', join(folder, 'log')], log: 'log', leave: 'quit',
    prepare: (folder) => {
      mkdirSync(join(folder, '.local/share/linphone'), { recursive: true })
      mkdirSync(join(folder, '.config/linphone'), { recursive: true })
      writeFileSync(join(folder, 'rc'), configuration(start, listen))
    },
  })
  return {
    output: program.output, stop: program.stop, kill: program.kill,
    goes: () => Promise.reject(new Error('linphonec has no command for that')),
    shows: async (buddy, state) => {
      await program.until(`${buddy} ${state}`, () => {
        const all = [...program.output().matchAll(/Friend (.*) is (.*)/g)].filter(([, friend = '']) => friend.includes(buddy))
        return all.at(-1)?.[2] === state ? true : undefined
      })
    },
  }
}
