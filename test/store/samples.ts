import type { Dialog } from '../../src/core/model/dialog.ts'
import type { Endpoint } from '../../src/core/model/endpoint.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'

/** Text that breaks whoever quotes it badly. */
export const AWKWARD = `O'Brien "Zoë" \\ 日本 🎈 {a,b} NULL $1 %s --;\r\n\t<x a='1'/>`

export const anna = 'anna@nordwind.example'
export const bert = 'bert@nordwind.example'
export const carl = 'carl@südwind.example'

export const sampleInstance = (over: Partial<CategoryInstance> = {}): CategoryInstance => ({
  category: 'note', container: 0, instance: 1, instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined, publishTime: 1_900_000_000_000, payload: '<note/>', ...over,
})

export const sampleEndpoint = (over: Partial<Endpoint> = {}): Endpoint => ({
  endpointId: '0b1f7a52-33c4-5a7e-9d11-2e6b8c9f0a01', instanceId: '0B1F7A52-33C4-5A7E-9D11-2E6B8C9F0A01', epid: 'desk', proxy: 'kam1', flow: 'flow;1', contact: 'sip:anna@10.0.0.1:5061;transport=tls',
  callId: 'reg-1', cseq: 4, registeredAt: 1_900_000_000_000, expiresAt: 1_900_003_600_000, ...over,
})

/** Who numbers the sample dialogs. */
export const SENDER = 'here'

export const sampleDialog = (over: Partial<Dialog> = {}): Dialog => ({
  subscriber: anna, localTag: 'local', remoteTag: 'remote', callId: over.localTag === undefined ? 'call' : `call-${over.localTag}`, kind: 'batch', event: 'presence', endpointId: '0b1f7a52-33c4-5a7e-9d11-2e6b8c9f0a01', network: 'sameEnterprise', networkNamed: false,
  localText: '<sip:anna@nordwind.example>;tag=local', remoteText: '"Anna" <sip:anna@nordwind.example>;tag=remote;epid=desk', target: 'sip:anna@10.0.0.1:5061', routes: ['<sip:edge.example;lr>', '<sip:core.example;lr>'],
  proxy: 'kam1', flow: 'flow;1', contact: 'sip:presence.nordwind.example', benotify: true, cseq: 1, remoteCseq: 1, notifiedAt: 1_900_000_000_000, scope: [], since: 0, createdAt: 1_900_000_000_000, expiresAt: 1_900_003_600_000, extendMs: 0, sender: SENDER, rlmiVersion: 0, ucs: false, ...over,
})
