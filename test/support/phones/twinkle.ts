import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { nameOf, type Phone, type PhoneStart } from './phone.ts'
import { startProgram } from './program.ts'

const profile = ({ user, sipPort, transport, expires = 300 }: PhoneStart): string => `
user_name=${nameOf(user)}
user_domain=${user.slice(user.indexOf('@') + 1)}
user_display=${nameOf(user)}
auth_name=${nameOf(user)}
auth_pass=x
outbound_proxy=127.0.0.1:${sipPort}
all_requests_to_proxy=yes
registrar=127.0.0.1:${sipPort}
register_at_startup=yes
registration_time=600
sip_transport=${transport}
pres_subscription_time=600
pres_publication_time=${expires}
pres_publish_startup=yes
`

const system = (sipPort: number, rtpPort: number): string => `
sip_udp_port=${sipPort}
sip_tcp_port=${sipPort}
rtp_port=${rtpPort}
log_show_sip=yes
log_show_debug=yes
`

/** Twinkle on the console: its presence is online or offline, and its log tells whether its buddies are online, offline or unknown. */
export const startTwinkle = async (start: PhoneStart): Promise<Phone> => {
  const [listen = 0, rtp = 0] = await freePorts(2)
  const program = startProgram({
    command: 'twinkle-console', parameters: () => [], log: '.twinkle/twinkle.log', leave: 'quit',
    prepare: (folder) => {
      mkdirSync(join(folder, '.twinkle'))
      writeFileSync(join(folder, '.twinkle/twinkle.cfg'), profile(start))
      writeFileSync(join(folder, '.twinkle/twinkle.sys'), system(listen, rtp))
      writeFileSync(join(folder, '.twinkle/twinkle.bud'), start.buddies.map((buddy) => `${nameOf(buddy)}|sip:${buddy}|y\n`).join(''))
    },
  })
  return {
    output: program.output, stop: program.stop, kill: program.kill,
    goes: async (state) => { program.type(`presence -b ${state}`) },
    shows: async (buddy, state) => {
      await program.until(`${buddy} ${state}`, () => {
        const all = [...program.output().matchAll(/Presence state changed to: (\w+)\nsip:(\S+)/g)].filter(([, , of]) => of === buddy)
        return all.at(-1)?.[1] === state ? true : undefined
      })
    },
  }
}
