import { createKamailioClient } from './kamailio.ts'
import { createMiDatagram } from './mi-datagram.ts'
import { createMiHttp } from './mi-http.ts'
import type { MiLine } from './mi.ts'
import { createOpensipsRegistrar } from './opensips-registrar.ts'
import { createOpensipsClient } from './opensips.ts'
import type { ProxyClient } from './proxy-client.ts'
import type { RefusedNotify } from './refused-notify.ts'
import { createRegistrarClient, registrarUrl, type RegistrarClient } from './registrar.ts'

/** A proxy as it is configured. */
export interface ConfiguredProxy {
  readonly kind: 'kamailio' | 'opensips' | 'plain'
  readonly secret: string
  readonly notifyUrl: string
  readonly registeredUrl?: string | undefined
}

export interface ClientOptions {
  readonly timeoutMs: number
  /** Hears of NOTIFYs that failed where the proxy tells us instead of calling us. */
  readonly refused: (notify: RefusedNotify) => void
}

const openMiLine = (id: string, secret: string, url: string, timeoutMs: number): MiLine =>
  (url.startsWith('udp:') ? createMiDatagram({ url, timeoutMs, now: () => performance.now() }) : createMiHttp({ id, secret, url, timeoutMs }))

/** The client that delivers through a proxy, by its kind. */
export const createClient = (id: string, { kind, secret, notifyUrl }: ConfiguredProxy, { timeoutMs, refused }: ClientOptions): ProxyClient =>
  (kind === 'opensips' ? createOpensipsClient(openMiLine(id, secret, notifyUrl, timeoutMs), refused) : createKamailioClient({ id, secret, notifyUrl, timeoutMs }))

/** The client that asks the registrar of a proxy. OpenSIPS is asked where it takes notifications, unless set otherwise. */
export const createRegistrar = (id: string, { kind, secret, notifyUrl, registeredUrl }: ConfiguredProxy, { timeoutMs }: Pick<ClientOptions, 'timeoutMs'>): RegistrarClient =>
  (kind === 'opensips' ? createOpensipsRegistrar(openMiLine(id, secret, registeredUrl ?? notifyUrl, timeoutMs)) : createRegistrarClient({ id, secret, url: registeredUrl ?? registrarUrl(notifyUrl), timeoutMs }))
