import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Client } from 'ldapts'

/** How the server is reached, and as whom. */
export interface LdapServer {
  /** ldap:// or ldaps://, with host and perhaps port. */
  readonly url: string
  /** Goes over to TLS on an ldap:// connection before anything else is said. */
  readonly startTls: boolean
  /** Certificates of the authorities to believe, in PEM; without them those that Node brings. */
  readonly ca: string | undefined
  /** Whom to bind as; without it nobody in particular. */
  readonly bind: { readonly dn: string; readonly password: string } | undefined
  /** The longest that connecting, binding, or one operation may take, in milliseconds. */
  readonly timeoutMs: number
}

/** A connection that is bound and ready. */
export interface LdapConnection {
  readonly client: Client
  /** Nobody has ended it yet, as far as this side knows. */
  readonly isAlive: () => boolean
  readonly close: () => void
}

const tlsOptions = (host: string, ca: string | undefined): ConnectionOptions => ({ host, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) })

/** Opens a connection, goes over to TLS where that is wanted, and binds. Rejects with what ldapts or the socket says, and at once when the signal comes. */
export const openConnection = async ({ url, startTls, ca, bind, timeoutMs }: LdapServer, signal: AbortSignal): Promise<LdapConnection> => {
  const sockets: Socket[] = []
  let ended = false
  // The library does not notice the end of a connection on which TLS was begun later, and would write into the void.
  const watch = <S extends Socket>(socket: S): S => {
    sockets.push(socket)
    socket.once('close', () => { ended = true })
    return socket
  }
  // Nor may it connect again by itself, which it would do without TLS and without a name: a connection that is lost is lost.
  const first = (): void => { if (sockets.length > 0) throw new Error('the connection was lost') }
  const secure = url.startsWith('ldaps:')
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const tls = tlsOptions(host, ca)
  const client = new Client({
    url, timeout: timeoutMs, connectTimeout: timeoutMs, ...(secure ? { tlsOptions: tls } : {}),
    createConnection: ((port: number, name: string) => { first(); return watch(connect(port, name)) }) as typeof connect,
    createSecureConnection: ((...parameters: Parameters<typeof connectTls>) => { if (secure) first(); return watch(connectTls(...parameters)) }) as typeof connectTls,
  })
  const close = (): void => {
    ended = true
    for (const socket of sockets) {
      // A socket that is thrown away in the middle may still complain.
      socket.on('error', () => undefined)
      socket.destroy()
    }
  }
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const late = new Promise<never>((_resolve, reject) => { until.addEventListener('abort', () => reject(new Error(signal.aborted ? 'nobody waits any more' : 'connecting took too long'))) })
  late.catch(() => undefined)
  const open = async (): Promise<void> => {
    if (startTls) await client.startTLS({ ...tls })
    if (bind !== undefined) await client.bind(bind.dn, bind.password)
  }
  const opening = open()
  opening.catch(() => undefined)
  try {
    await Promise.race([opening, late])
    return { client, isAlive: () => !ended && (client.isConnected || bind === undefined), close }
  } catch (error) {
    close()
    throw error
  }
}
