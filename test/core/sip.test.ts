import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { failure } from '../../src/core/base/failure.ts'
import { endpointIdOfEpid, endpointIdOfOpaque, gruuOpaque, readInstanceId } from '../../src/core/sip/endpoint-id.ts'
import { bareValue, parseNameAddress, readHeaderParams, readOptionTags, readSeconds, splitOutsideQuotes } from '../../src/core/sip/header-values.ts'
import { accepts, mediaTypes } from '../../src/core/sip/media-types.ts'
import { defaultSipLimits, parseSipMessage } from '../../src/core/sip/message.ts'
import { multipartRelatedType, writeMultipart } from '../../src/core/sip/multipart.ts'
import { writeRefusal } from '../../src/core/sip/reply.ts'
import { keepEventHeader, keptEventHeader, readEventHeader, writeEventHeader } from '../../src/core/sip/event-header.ts'
import { readSipRequest } from '../../src/core/sip/request.ts'
import { readToTag } from '../../src/core/sip/to-tag.ts'
import { domainOf, parseSipUri, readUserKey, userKey, writeUserUri } from '../../src/core/sip/uri.ts'
import { bytes, must, request, sipBytes, sipLines, verdict } from './support.ts'

const line = 'SERVICE sip:anna@nordwind.example SIP/2.0'

t.test('message reader: what is not a request', async (t) => {
  const cases: readonly (readonly [name: string, raw: string | Buffer, verdict: string])[] = [
    ['nothing', '', 'malformedRequest'], ['only keep-alives', '\r\n\r\n\r\n', 'malformedRequest'], ['no empty line', `${line}\r\nA: b\r\n`, 'malformedRequest'],
    ['a response', 'SIP/2.0 200 OK\r\n\r\n', 'malformedRequest'], ['no version', 'SERVICE sip:a\r\n\r\n', 'malformedRequest'], ['two blanks', 'SERVICE  sip:a SIP/2.0\r\n\r\n', 'malformedRequest'],
    ['a tab in the request line', 'SERVICE\tsip:a SIP/2.0\r\n\r\n', 'malformedRequest'], ['a method that is no token', 'SER(VICE sip:a SIP/2.0\r\n\r\n', 'malformedRequest'], ['a blank in the URI', 'SERVICE sip:a b SIP/2.0\r\n\r\n', 'malformedRequest'],
    ['21.5.6: SIP/3.0', 'SERVICE sip:a SIP/3.0\r\n\r\n', 'versionNotSupported'], ['SIP/2.1', 'SERVICE sip:a SIP/2.1\r\n\r\n', 'versionNotSupported'], ['SIP/2.0 in small letters', 'SERVICE sip:a sip/2.0\r\n\r\n', 'ok'], ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'malformedRequest'],
    ['a header without colon', `${line}\r\nAnna\r\n\r\n`, 'malformedRequest'], ['a header without name', `${line}\r\n: x\r\n\r\n`, 'malformedRequest'], ['a blank in a name', `${line}\r\nA b: x\r\n\r\n`, 'malformedRequest'],
    ['NUL in a header', `${line}\r\nA: x\u0000y\r\n\r\n`, 'malformedRequest'], ['BEL in a header', `${line}\r\nA: \u0007\r\n\r\n`, 'malformedRequest'], ['DEL in a header', `${line}\r\nA: \u007f\r\n\r\n`, 'malformedRequest'], ['a lone CR in a header', `${line}\r\nA: x\rB: y\r\n\r\n`, 'malformedRequest'],
    ['headers in Latin-1', Buffer.from(`${line}\r\nA: \u00e9\r\n\r\n`, 'latin1'), 'malformedRequest'], ['headers in UTF-8', `${line}\r\nA: \u00e9\r\n\r\n`, 'ok'],
    ['Content-Length too long', `${line}\r\nContent-Length: 5\r\n\r\nbody`, 'malformedRequest'], ['Content-Length negative', `${line}\r\nContent-Length: -1\r\n\r\n`, 'malformedRequest'], ['Content-Length empty', `${line}\r\nContent-Length:\r\n\r\n`, 'malformedRequest'],
    ['two different Content-Lengths', `${line}\r\nContent-Length: 0\r\nl: 4\r\n\r\nbody`, 'malformedRequest'], ['the same Content-Length twice', `${line}\r\nContent-Length: 4\r\nl: 4\r\n\r\nbody`, 'ok'],
  ]
  for (const [name, raw, expected] of cases) t.equal(verdict(parseSipMessage(typeof raw === 'string' ? bytes(raw) : raw)), expected, name)
})

t.test('message reader: headers and body', async (t) => {
  const read = must(parseSipMessage(bytes(`\r\n\n${line}\r\nSubject: one\r\n two\r\n\t three\r\nv: SIP/2.0/TCP a\r\nVIA  : SIP/2.0/TCP b\r\nf:<sip:a@b>;tag=1\r\nx-Anna:  spaced \r\no: presence\r\nempty:\r\nl: 4\r\n\r\nbody and more`)))
  t.equal(read.method, 'SERVICE')
  t.equal(read.requestUri, 'sip:anna@nordwind.example')
  t.same([...read.headers], [['subject', ['one two three']], ['via', ['SIP/2.0/TCP a', 'SIP/2.0/TCP b']], ['from', ['<sip:a@b>;tag=1']], ['x-anna', ['spaced']], ['event', ['presence']], ['empty', ['']], ['content-length', ['4']]], 'folded, compact, repeated, trimmed')
  t.equal(Buffer.from(read.body).toString(), 'body', 'what follows Content-Length is not ours')
  const bare = must(parseSipMessage(bytes(`${line}\nFrom: a\n folded\nTo: b\n\nb\n\nc`)))
  t.same([...bare.headers], [['from', ['a folded']], ['to', ['b']]], 'LF alone ends lines')
  t.equal(Buffer.from(bare.body).toString(), 'b\n\nc', 'without Content-Length the body is the rest')
  const binary = Buffer.from([0, 0xff, 0x0d, 0x0a, 0x0d, 0x0a, 0x80, 0])
  const whole = Buffer.concat([bytes(`${line}\r\nContent-Length: 8\r\n\r\n`), binary])
  t.ok(Buffer.from(must(parseSipMessage(whole)).body).equals(binary), 'the body is byte-exact')
  t.equal(must(parseSipMessage(whole)).body.buffer, whole.buffer, 'and is not copied')
  t.same([...must(parseSipMessage(bytes(`${line}\r\nconstructor: x\r\n__proto__: y\r\n\r\n`))).headers], [['constructor', ['x']], ['__proto__', ['y']]], 'names that objects know are names like others')
  const limits = { maxBytes: 100, maxHeaders: 2, maxHeaderBytes: 60 }
  const header = (count: number): Buffer => bytes(`${line}\r\n${'A: b\r\n'.repeat(count)}\r\n`)
  t.same([2, 3, 4].map((count) => verdict(parseSipMessage(header(count), limits))), ['ok', 'malformedRequest', 'inputTooLarge'], 'caps: lines, bytes of headers')
  t.same([49, 50].map((count) => verdict(parseSipMessage(bytes(`${line}\r\nA: b\r\n\r\n${'x'.repeat(count)}`), limits))), ['ok', 'inputTooLarge'], 'cap: bytes of the message')
  t.equal(verdict(parseSipMessage(Buffer.alloc(defaultSipLimits.maxBytes + 1))), 'inputTooLarge')
})

t.test('request reader: mandatory headers (RFC 3261 8.1.1) and those we build on', async (t) => {
  const cases: readonly (readonly [name: string, over: Readonly<Record<string, string>>, more: readonly string[], verdict: string])[] = [
    ['all there', {}, [], 'ok'], ['no From', { From: '' }, [], 'malformedRequest'], ['no To', { To: '' }, [], 'malformedRequest'], ['no Call-ID', { 'Call-ID': '' }, [], 'malformedRequest'], ['no CSeq', { CSeq: '' }, [], 'malformedRequest'],
    ['two From', {}, ['f: <sip:eve@nordwind.example>;tag=9'], 'malformedRequest'], ['two To', {}, ['t: <sip:eve@nordwind.example>'], 'malformedRequest'], ['two Call-ID', {}, ['i: x'], 'malformedRequest'], ['an empty Call-ID', { 'Call-ID': ' ' }, [], 'malformedRequest'],
    ['CSeq of another method', { CSeq: '2 SUBSCRIBE' }, [], 'malformedRequest'], ['CSeq in small letters', { CSeq: '2 service' }, [], 'malformedRequest'], ['CSeq without method', { CSeq: '2' }, [], 'malformedRequest'], ['CSeq past 31 bits', { CSeq: '2147483648 SERVICE' }, [], 'malformedRequest'], ['the last CSeq', { CSeq: '2147483647\tSERVICE' }, [], 'ok'],
    ['From without tag', { From: '<sip:boris@nordwind.example>' }, [], 'malformedRequest'], ['an empty tag', { From: '<sip:boris@nordwind.example>;tag=' }, [], 'malformedRequest'], ['a tag inside the URI', { From: '<sip:boris@nordwind.example;tag=1>' }, [], 'malformedRequest'],
    ['From that is no SIP URI', { From: '<tel:+49301234>;tag=1' }, [], 'malformedRequest'], ['epid of 16', { From: '<sip:boris@nordwind.example>;tag=1;epid=0123456789abcdef' }, [], 'ok'], ['MS-SIPREGE: epid of 17', { From: '<sip:boris@nordwind.example>;tag=1;epid=0123456789abcdef0' }, [], 'epidTooLong'],
    ['Expires in words', {}, ['Expires: soon'], 'malformedRequest'], ['Expires past 32 bits', {}, ['Expires: 4294967296'], 'malformedRequest'], ['a broken Contact', { Contact: '<sip:boris@' }, [], 'malformedRequest'], ['no Contact', { Contact: '' }, [], 'ok'],
    ['2.2.2.2.1: the Contact of a publish as MS-PRES shows it', { Contact: '<sip:boris@nordwind.example;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu="">' }, [], 'ok'],
  ]
  for (const [name, over, more, expected] of cases) t.equal(verdict(readSipRequest(must(parseSipMessage(sipBytes(sipLines('SERVICE', over, more)))))), expected, name)
  const full = request('SUBSCRIBE', {
    From: '"Boris; \\"B\\", <bo>" <sip:Boris@Nordwind.Example;user=phone>;tag=cli1;epid=01010101', To: 'sip:anna@nordwind.example;tag=srv', Contact: '<sip:a@192.0.2.1>;+sip.instance="<urn:uuid:A>", "x, y" <sip:b@192.0.2.2>;q=0.5',
  }, ['Event: Presence;id=3', 'Expires: 0', 'Accept: application/Rlmi+xml;q=1, multipart/related', 'Accept: application/msrtc-event-categories+xml', 'Require: adhoclist, categoryList', 'Supported: ms-benotify', 'k: MS-Piggyback-First-Notify,,eventlist', 'Proxy-Require: ms-benotify', 'Content-Type: application/msrtc-adrl-categorylist+xml; charset=UTF-8', 'Record-Route: <sip:p1;lr>, <sip:p2;lr>', 'Record-Route: <sip:p3;lr>'])
  const { from, to, contacts, supported, require, proxyRequire, body, ...rest } = full
  t.same(rest, {
    method: 'SUBSCRIBE', requestUri: 'sip:boris@nordwind.example', fromUser: 'Boris@nordwind.example', toUser: 'anna@nordwind.example', fromText: '"Boris; \\"B\\", <bo>" <sip:Boris@Nordwind.Example;user=phone>;tag=cli1;epid=01010101', toText: 'sip:anna@nordwind.example;tag=srv', fromTag: 'cli1', toTag: 'srv', epid: '01010101',
    callId: 'call-1', cseq: 2, contactStar: false, event: 'presence', eventKept: 'presence;id=3', suppressIfMatch: undefined, expires: 0, contentType: 'application/msrtc-adrl-categorylist+xml', accept: ['application/rlmi+xml', 'multipart/related', 'application/msrtc-event-categories+xml'], recordRoute: ['<sip:p1;lr>', '<sip:p2;lr>', '<sip:p3;lr>'],
  })
  t.same([from.displayName, [...from.params], to.uriText, [...to.params]], ['Boris; "B", <bo>', [['tag', 'cli1'], ['epid', '01010101']], 'sip:anna@nordwind.example', [['tag', 'srv']]])
  t.same(contacts.map(({ displayName, uriText, params }) => [displayName, uriText, ...params]), [['', 'sip:a@192.0.2.1', ['+sip.instance', '<urn:uuid:A>']], ['x, y', 'sip:b@192.0.2.2', ['q', '0.5']]])
  t.same([[...supported], [...require], [...proxyRequire], body.length], [['ms-benotify', 'ms-piggyback-first-notify', 'eventlist'], ['adhoclist', 'categorylist'], ['ms-benotify'], 0])
  t.same([request('REGISTER', { Contact: '*' }).contactStar, request('REGISTER', { Contact: '*' }).contacts], [true, []])
  t.equal(request('SERVICE', { From: '<sip:boris@nordwind.example>;tag=1;epid=' }).epid, undefined)
})

t.test('SIP URIs (RFC 3261 19.1)', async (t) => {
  const keys: readonly (readonly [uri: string, key: string | undefined])[] = [
    ['sip:anna@nordwind.example', 'anna@nordwind.example'], ['anna@nordwind.example', 'anna@nordwind.example'], ['SIPS:Anna@NordWind.Example.', 'Anna@nordwind.example'], ['sip:anna:secret@nordwind.example:5061;transport=tls?Subject=x', 'anna@nordwind.example'],
    ['sip:%61nna@nordwind.example', 'anna@nordwind.example'], ['sip:a%6Ea%3Ab@h', 'ana:b@h'], ['sip:j%C3%BCrg@h', 'j\u00fcrg@h'], ['sip:+49;ext=5@h', '+49;ext=5@h'], ['sip:a@[2001:DB8::1]:5060', 'a@[2001:db8::1]'], ['sip:a@192.0.2.1', 'a@192.0.2.1'], ['sip:a@localhost', 'a@localhost'],
    ['sip:nordwind.example', undefined], ['sip:@h', undefined], ['sip:a@', undefined], ['sip:a@b@c', undefined], ['sip:a%40b@h', undefined], ['sip:a%00@h', undefined], ['sip:a%0d%0aX@h', undefined], ['sip:a%20b@h', undefined], ['sip:a%22@h', undefined], ['sip:a%3Cb@h', undefined], ['sip:a%@h', undefined], ['sip:a%C3%28@h', undefined],
    ['sip:a b@h', undefined], ['sip:a@h h', undefined], ['sip:a@h\r\nX: y', undefined], ['sip:<a>@h', undefined], ['sip:\u00e4@h', undefined], ['sip:a@h\u00e4', undefined], ['sip:a@-h', undefined], ['sip:a@h-', undefined], ['sip:a@[zz]', undefined], ['sip:a@h:0', undefined], ['sip:a@h:65536', undefined], ['sip:a@h:x', undefined],
    ['', undefined], ['sip:', undefined], ['@', undefined], [`sip:${'a'.repeat(1100)}@h`, undefined], ['tel:+4930', undefined],
    ['mailto:anna@nordwind.example', undefined], ['http://anna@nordwind.example', undefined], ['sip:%EF%BF%BF@h', undefined],
  ]
  for (const [uri, key] of keys) {
    const read = readUserKey(uri)
    t.equal(read.ok ? read.value : undefined, key, JSON.stringify(uri.slice(0, 60)))
  }
  const gruu = must(parseSipUri('sip:anna@nordwind.example:5061;Opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu;;transport=TLS?h=v'))
  t.same({ ...gruu, params: [...gruu.params] }, { scheme: 'sip', user: 'anna', host: 'nordwind.example', port: 5061, params: [['opaque', 'user:epid:qIIWS2j5AVeD_HxnQdxmlwAA'], ['gruu', ''], ['transport', 'TLS']] })
  t.equal(userKey(must(parseSipUri('sip:Pool.Nordwind.Example'))), 'pool.nordwind.example')
  t.same([domainOf('anna@nordwind.example'), domainOf('pool.example'), writeUserUri('pool.example'), writeUserUri('a:b%c\u00fc@h')], ['nordwind.example', 'pool.example', 'sip:pool.example', 'sip:a%3Ab%25c%C3%BC@h'])
  const user = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => !/[\u0000-\u0020\u007f@<>"\ud800-\udfff]/.test(text))
  fc.assert(fc.property(user, fc.domain(), (name, host) => {
    const key = `${name}@${host.toLowerCase()}`
    assert.equal(must(readUserKey(writeUserUri(key))), key)
    assert.match(writeUserUri(key), /^sip:[!-~]+$/)
  }), { numRuns: 300 })
})

t.test('header values', async (t) => {
  const addresses: readonly (readonly [text: string, display: string | undefined, uri: string, params: string])[] = [
    ['"A \\" <x>, b; c" <sip:a@b;x=1>;tag="q;\\"1";EPID=e', 'A " <x>, b; c', 'sip:a@b;x=1', 'tag=q;"1,epid=e'], ['sip:a@b;tag=1;x', '', 'sip:a@b', 'tag=1,x='], ['Anna N <sip:a@b> ; tag = 1', 'Anna N', 'sip:a@b', 'tag=1'],
    ['<sip:a@b>;tag=1;tag=2', '', 'sip:a@b', 'tag=1'], [' < sip:a@b >', '', 'sip:a@b', ''], ['<sip:a@b', undefined, '', ''], ['"Anna"', undefined, '', ''], ['a <b> <sip:a@b>', undefined, '', ''], ['', undefined, '', ''], ['<>', undefined, '', ''],
  ]
  for (const [text, display, uri, params] of addresses) {
    const read = parseNameAddress(text)
    t.same(read.ok ? [read.value.displayName, read.value.uriText, [...read.value.params].map((pair) => pair.join('=')).join()] : [undefined, '', ''], [display, uri, params], text)
  }
  t.same(splitOutsideQuotes('a, "b, \\", c" , <d, e>,,f ', ','), ['a', '"b, \\", c"', '<d, e>', 'f'])
  t.same([...readHeaderParams('; A ; b = "c;d" ;e=f=g')], [['a', ''], ['b', 'c;d'], ['e', 'f=g']])
  t.same([...readOptionTags(['adhoclist, categoryList', ' , ms-benotify,adhoclist'])], ['adhoclist', 'categorylist', 'ms-benotify'])
  t.same(['Presence ; id=1', '', ';x'].map(bareValue), ['presence', '', ''])
  t.same(['0', ' 3600 ', '4294967295', '4294967296', '-1', '1.5', '', '1e3', '0x10'].map(readSeconds), [0, 3600, 4294967295, undefined, undefined, undefined, undefined, undefined, undefined])
  t.same([[], ['application/rlmi+xml'], ['*/*'], ['application/*'], ['text/*', 'application/pidf+xml']].map((list) => accepts(list, mediaTypes.rlmi)), [true, true, true, true, false])
})

t.test('endpoint ids: the published pairs', async (t) => {
  const pairs: readonly (readonly [epid: string, uuid: string, opaque?: string])[] = [
    ['01010101', '4b1682a8-f968-5701-83fc-7c6741dc6697', 'qIIWS2j5AVeD_HxnQdxmlwAA'], ['c8ca638a15', '34d859db-6585-5f91-a3b4-de853c15347d', '21nYNIVlkV-jtN6FPBU0fQAA'], ['84d3db8c23', '221ef77e-3a68-5570-86ed-6ea5bd4b7ff8', 'fvceImg6cFWG7W6lvUt_-AAA'],
    ['ffad8b59dc', 'a8f9a3a8-ee61-56d7-b306-c67b08fb28d8', 'qKP5qGHu11azBsZ7CPso2AAA'], ['a0ae9e6cb0', 'c1589240-e660-594f-a8b3-4b55f358cbc1', 'QJJYwWDmT1mos0tV81jLwQAA'], ['492a7ce35f', 'b43b3d1d-9f8f-5fdc-9f74-3ca273cadb97'],
  ]
  for (const [epid, uuid, opaque] of pairs) {
    t.equal(endpointIdOfEpid(epid), uuid, epid)
    if (opaque !== undefined) t.same([gruuOpaque(uuid), endpointIdOfOpaque(`user:epid:${opaque}`)], [opaque, uuid], opaque)
  }
  t.same(['<urn:uuid:A8F9A3A8-EE61-56D7-B306-C67B08FB28D8>', 'urn:uuid:a8f9a3a8-ee61-56d7-b306-c67b08fb28d8', '<urn:uuid:a8f9a3a8>', '<urn:uuid:a8f9a3a8ee6156d7b306c67b08fb28d8>', '<urn:imei:1>', ''].map(readInstanceId),
    ['A8F9A3A8-EE61-56D7-B306-C67B08FB28D8', 'a8f9a3a8-ee61-56d7-b306-c67b08fb28d8', undefined, undefined, undefined, undefined])
  t.same(['user:epid:short', 'srvr:HomeServer:qIIWS2j5AVeD_HxnQdxmlwAA', 'user:epid:qIIWS2j5AVeD/HxnQdxmlwAA', ''].map(endpointIdOfOpaque), [undefined, undefined, undefined, undefined])
  fc.assert(fc.property(fc.string({ maxLength: 16 }), (epid) => endpointIdOfOpaque(`user:epid:${gruuOpaque(endpointIdOfEpid(epid))}`) === endpointIdOfEpid(epid)))
})

t.test('RFC 3261 8.2.6.2: the tag of To stays in every answer', async (t) => {
  const of = (head: string): string | undefined => readToTag(Buffer.from(`SUBSCRIBE sip:a@b.example SIP/2.0\r\n${head}\r\n\r\n`))
  t.same([of('To: "A;tag=no" <sip:a@b.example;tag=no>;tag=yes'), of('t: sip:a@b.example;tag=short'), of('To: <sip:a@b.example>'), of('From: <sip:a@b.example>;tag=x'), of('To: <sip:')], ['yes', 'short', undefined, undefined, undefined])
  t.equal(readToTag(Buffer.from('nonsense')), undefined)
  t.same([of('To: <sip:a@b.example>;tag="a\\r\\nX: y"'), of('To: <sip:a@b.example>;tag="quoted"'), of(`To: <sip:a@b.example>;tag=${'x'.repeat(300)}`)], [undefined, 'quoted', undefined], 'what is no token is not written into an answer')
})

t.test('refusals as answers (MS-OCER 2.2.1)', async (t) => {
  const source = { server: 'pool.nordwind.example', requestId: 'r-1' }
  const plain = writeRefusal({ ...failure('publicationConflict', '1 of 2'), headers: [['Retry-After', '3']], body: { type: mediaTypes.fault, text: '<Fault/>' } }, 'tt', source)
  t.same(plain, {
    status: 409, reason: 'Conflict', toTag: 'tt', body: '<Fault/>',
    headers: [['Retry-After', '3'], ['ms-diagnostics', '2044;reason="Publication version out of date";source="pool.nordwind.example";detail="1 of 2";request="r-1"'], ['Content-Type', 'application/msrtc-fault+xml']],
  })
  t.same(writeRefusal(failure('dialogUnknown'), 'tt', source).headers, [['ms-diagnostics-public', '2014;reason="Subscription dialog does not exist";request="r-1"']], 'the public variant tells no host name')
  t.match(writeRefusal(failure('bodyMissing'), 'tt', source), { status: 400, body: '', headers: [['ms-diagnostics', /^4000;reason="[^"]+";source="pool\.nordwind\.example";request="r-1"$/]] }, '4000 where there is no code')
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (detail, server) => {
    const [[name, value] = ['', '']] = writeRefusal(failure('malformedRequest', detail), 'tt', { server, requestId: detail }).headers
    assert.equal(name, 'ms-diagnostics')
    assert.match(value, /^4000;reason="[^"\\]*";source="[^"\\]*";detail="[^"\\]*";request="[^"\\]*"$/)
    assert.match(value, /^[ -~]*$/, 'no line break, no other character can become syntax')
  }))
  t.ok((writeRefusal(failure('malformedRequest', 'x'.repeat(5000)), 'tt', source).headers[0]?.[1].length ?? 9999) < 600, 'a detail has an end')
})

t.test('2.2.2.4.2 and design 10: multipart', async (t) => {
  const text = writeMultipart([{ type: 'a/b', contentId: 'resourceList', text: '<list/>' }, { type: 'c/d', text: '<x/>' }], 'bb')
  t.equal(text, ['--bb', 'Content-Transfer-Encoding: binary', 'Content-ID: resourceList', 'Content-Type: a/b', '', '<list/>', '', '--bb', 'Content-Transfer-Encoding: binary', 'Content-Type: c/d', '', '<x/>', '', '--bb--', ''].join('\r\n'))
  t.equal(multipartRelatedType('application/rlmi+xml', 'resourceList', 'bb'), 'multipart/related; type="application/rlmi+xml";start=resourceList;boundary=bb', 'the boundary comes last')
})

t.test('property: the readers never throw', async () => {
  const check = (raw: Uint8Array): boolean => {
    const message = parseSipMessage(raw)
    const read = message.ok ? readSipRequest(message.value) : message
    return read.ok || ['malformedRequest', 'versionNotSupported', 'inputTooLarge', 'epidTooLong'].includes(read.failure.name)
  }
  const valid = sipBytes(sipLines('SUBSCRIBE', { Contact: '"B, c" <sip:boris@[::1]:5060;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu>;expires=3' }, ['Event: presence', 'Accept: a/b;q="x,y", c/d']), '<a/>')
  const noise = fc.array(fc.constantFrom('"', '<', '>', ',', ';', ':', '@', '\\', '%', '\r\n', '\n', ' ', '=', '\u0000', '\u00e9', 'sip:', '*'), { maxLength: 6 }).map((parts) => bytes(parts.join('')))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), check))
  fc.assert(fc.property(noise, fc.nat(valid.length), fc.nat(8), (insert, at, cut) => check(Buffer.concat([valid.subarray(0, at), insert, valid.subarray(Math.min(valid.length, at + cut))]))), { numRuns: 500 })
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), noise.map(String)), (text) => {
    for (const read of [parseSipUri, readUserKey, parseNameAddress, readInstanceId, endpointIdOfOpaque, endpointIdOfEpid, readSeconds, bareValue, readHeaderParams]) read(text)
    return splitOutsideQuotes(text, ',').every((part) => part !== '')
  }), { numRuns: 500 })
})

t.test('Event headers (RFC 6665 8.2.1, RFC 6446 5)', async (t) => {
  const cases: readonly (readonly [text: string, kept: string | undefined, shown?: string])[] = [
    ['presence', 'presence', 'presence'], ['Presence ; ID = 7', 'presence;id=7', 'presence;id=7'], ['presence;max-rate=0.2;id=a.b~1', 'presence;id=a.b~1;max-rate=0.2', 'presence;id=a.b~1'], ['VND-Microsoft-Roaming-Self', 'vnd-microsoft-roaming-self'],
    ['presence;id="7"', 'presence;id=7'], ['presence;id=""', undefined], ['presence;id', undefined], ['presence;id="a b"', undefined], ['presence;id="a;b"', undefined], ['presence;id=%0d%0a', 'presence;id=%0d%0a'], [`presence;id=${'x'.repeat(129)}`, undefined],
    ...['0', '0.0', '-1', '1e3', '100', 'x', '', '0.12345678901'].map((rate) => [`presence;max-rate=${rate}`, 'presence'] as const), ['presence;max-rate=99.5', 'presence;max-rate=99.5', 'presence'], ['presence;min-rate=0.1;unknown="x;id=9"', 'presence'], ['', ''],
  ]
  for (const [text, kept, shown] of cases) {
    const read = readEventHeader(text)
    t.equal(read.ok ? keepEventHeader(read.value) : undefined, kept, text)
    if (read.ok) t.same(keptEventHeader(keepEventHeader(read.value)), read.value, 'nothing is lost')
    if (shown !== undefined && read.ok) t.equal(writeEventHeader(read.value), shown)
  }
})
