import { readMiAnswer, writeCommand, type MiLine } from './mi.ts'
import { createPoster, type ProxyAddress } from './post-json.ts'

/** What httpd takes of a request at once depends on its version and on libmicrohttpd; this much is a guess on the safe side. */
const MAX_COMMAND_BYTES = 30_000

/** The Management Interface over HTTP (mi_http): one process that takes one command at a time, and lists of commands not at all. */
export const createMiHttp = (address: ProxyAddress): MiLine => {
  const poster = createPoster(address, 1)
  let commands = 0
  return {
    ask: async (method, params) => {
      commands += 1
      const asked = commands
      const { status, text } = await poster.post(writeCommand(asked, method, params))
      if (status !== 200) throw new Error(`OpenSIPS answered HTTP ${status}`)
      const { id, answer } = readMiAnswer(text)
      if (id !== asked && id !== null) throw new Error('OpenSIPS answered another command')
      return answer
    },
    maxBytes: MAX_COMMAND_BYTES,
    close: poster.close,
  }
}
