import t, { type Test } from 'tap'
import { hearReply, type Heard } from '../support/heard.ts'
import { doing, presenceOf, tuple } from '../support/phone.ts'
import { openWorld, people } from '../support/world.ts'

/*
 * Requests in the manner of RFC 4475, as phones send and attackers write them: what is valid, however odd, is carried out as if it had been written plainly; what is not is refused from the
 * catalogue, and not a row changes.
 */

const world = await openWorld(t)
const { anna, boris } = people
const PIDF = presenceOf(anna, tuple('open'))

/** Header lines by name, in their order; without a value the line is left out. */
type Lines = Readonly<Record<string, string | undefined>>

const subscribeLines: Lines = {
  '': `SUBSCRIBE sip:${anna} SIP/2.0`, Via: 'SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-t', 'Max-Forwards': '70', From: `<sip:${boris}>;tag=t1`, To: `<sip:${anna}>`, 'Call-ID': 'torture@192.0.2.20', CSeq: '1 SUBSCRIBE', Contact: '<sip:boris@192.0.2.20:5060>',
  Event: 'presence', Accept: 'application/pidf+xml', Expires: '600',
}

const publishLines: Lines = {
  '': `PUBLISH sip:${anna} SIP/2.0`, Via: 'SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-p', 'Max-Forwards': '70', From: `<sip:${anna}>;tag=p1`, To: `<sip:${anna}>`, 'Call-ID': 'torture-p@192.0.2.20', CSeq: '1 PUBLISH', Event: 'presence', Expires: '600', 'Content-Type': 'application/pidf+xml',
}

const textOf = (lines: Lines, body = ''): string =>
  `${Object.entries({ 'Content-Length': String(Buffer.byteLength(body)), ...lines }).sort(([a], [b]) => Number(b === '') - Number(a === '')).flatMap(([name, value]) => (value === undefined ? [] : [name === '' ? value : `${name}: ${value}`])).join('\r\n')}\r\n\r\n${body}`

const subscribe = (over: Lines = {}, body = ''): string => textOf({ ...subscribeLines, ...over }, body)
const publish = (over: Lines = {}, body = PIDF): string => textOf({ ...publishLines, ...over }, body)

const sends = async (request: string | Uint8Array): Promise<Heard> => hearReply((await world.sip(request, { flow: 'phone' })).reply)

/** Boris's phone, registered, and Anna, who is there and whose phone has published. */
const begin = async (): Promise<void> => {
  await world.reset()
  await world.client(boris, 'phone').registers({ epid: undefined, flow: 'phone', contact: '<sip:boris@192.0.2.20:5060>' })
  await world.client(anna).registers()
}

t.test('odd and valid: carried out', async (t) => {
  const cases: readonly (readonly [name: string, request: string])[] = [
    ['as it is', subscribe()],
    // RFC 4475 3.1.1.1: a short tortuous request.
    ['white space wherever it may be', subscribe({ From: ` \t<sip:${boris}>\t ; \t tag = t1`, To: undefined, 'TO ': ` "A. \\"Nord\\" \\\\ <not this>" <sip:${anna}> `, CSeq: undefined, 'cSeQ\t': ' 0001   SUBSCRIBE', Event: '  presence  ', Expires: ' 600 ' })],
    ['folded headers', subscribe({ From: `\r\n <sip:${boris}>\r\n\t;tag=t1`, Accept: 'text/html,\r\n application/pidf+xml;\r\n\tq=0.5', Event: 'presence\r\n ;id=7' })],
    ['compact forms', subscribe({ Via: undefined, v: 'SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK-c', From: undefined, f: `<sip:${boris}>;tag=t1`, To: undefined, t: `<sip:${anna}>`, 'Call-ID': undefined, i: 'compact@x', Contact: undefined, M: '<sip:boris@192.0.2.20:5060>', Event: undefined, o: 'presence', 'Content-Length': undefined, l: '0' })],
    ['line feeds alone', subscribe().replaceAll('\r\n', '\n')], ['empty lines before it', `\r\n\r\n${subscribe()}`], ['names in any case', subscribe({ Event: undefined, eVENT: 'PRESENCE', Accept: undefined, ACCEPT: 'Application/PIDF+xml' })],
    ['no angle brackets', subscribe({ From: `sip:${boris};tag=t1`, To: `sip:${anna}`, Contact: 'sip:boris@192.0.2.20:5060;expires=5' })],
    ['a name of tokens', subscribe({ From: `Boris  van der \t Berg <sip:${boris}>;tag=t1` })], ['quotes, escapes, brackets and commas in a name', subscribe({ From: `"\\"B\\", <sip:${anna}>;tag=x \\\\" <sip:${boris}>;tag=t1` })], ['UTF-8 in a name', subscribe({ From: `"Бори́с 😀" <sip:${boris}>;tag=t1` })],
    // RFC 4475 3.1.1.2, 3.1.1.3.
    ['all the characters of a token', subscribe({ 'Call-ID': "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", From: `<sip:${boris}>;tag=_token~1'+\`*%!-.`, 'Extension-Header.!%*+`\'~': 'x' })], ['escaped characters in a user', subscribe({ To: '<sip:%61nn%61@nordwind.example>' })],
    ['the host in capitals', subscribe({ From: '<sip:boris@NordWind.EXAMPLE>;tag=t1' })], ['sips', subscribe({ To: `<sips:${anna}>` })], ['a password and a port', subscribe({ From: '<sip:boris:secret@nordwind.example:5060>;tag=t1' })],
    ['parameters and headers of a URI', subscribe({ To: `<sip:${anna};user=phone;x="a"?Subject=hello>`.replace('"a"', 'a') })], ['header parameters nobody knows', subscribe({ To: `<sip:${anna}>;x="a;tag=no, <b>";y`, From: `<sip:${boris}>;y;tag=t1;z="\\""` })],
    ['IPv6', subscribe({ Contact: '<sip:boris@[2001:db8::20]:5060;transport=tcp>', Via: 'SIP/2.0/UDP [2001:db8::20];branch=z9hG4bK-6' })], ['several Contacts', subscribe({ Contact: '"x, y" <sip:boris@192.0.2.20:5060>;q=0.5, <sip:boris@192.0.2.21>' })], ['an odd reason for an extension', subscribe({ Supported: '', Require: '' })],
    ['the most that Expires holds', subscribe({ Expires: '4294967295' })], ['the highest CSeq', subscribe({ CSeq: '2147483647 SUBSCRIBE' })], ['much of it', subscribe({ 'X-Long': 'x'.repeat(40_000), ...Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`X-${at}`, ','.repeat(50)])) })],
    ['two Content-Length that agree', subscribe({ 'Content-Length ': '0' })], ['no Content-Length', subscribe({ 'Content-Length': undefined })], ['bytes behind the body', `${subscribe()}SUBSCRIBE sip:x SIP/2.0\r\n\r\n`], ['parameters of Event that nobody knows', subscribe({ Event: 'presence;x="a;id=9";max-rate=many' })],
    ['a filter', subscribe({ 'Content-Type': 'application/simple-filter+xml' }, '<not-read')], ['a Suppress-If-Match of some kind', subscribe({ 'Suppress-If-Match': '\'; DROP TABLE dialog; --' })],
  ]
  for (const [name, request] of cases) {
    await begin()
    const answer = await sends(request)
    t.equal(answer.status, 200, name, { diagnostics: answer.header('ms-diagnostics') })
    const [heard] = world.heardOn('phone')
    t.match(heard, { method: 'NOTIFY' }, `${name}: the first NOTIFY`)
    t.match(heard?.header('To'), /;\s*tag\s*=/, `${name}: goes back where it came from`)
    for (const [header, value] of heard?.headers ?? []) t.notMatch(header + value, /[\r\n\u0000]/, `${name}: one line`)
  }
})

let counter = 0

/** Requests that are not to be carried out: what is wrong, and the status. */
const malformed: readonly (readonly [name: string, request: string | Uint8Array, status: number])[] = [
  ['nothing', '', 400], ['an answer', subscribe({ '': 'SIP/2.0 200 OK' }), 400], ['a keep-alive', '\r\n\r\n', 400], ['noise', Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 97) % 256)), 400], ['one long line', 'x'.repeat(100_000), 400],
  // RFC 4475 3.1.2.
  ['a method nobody knows', subscribe({ '': `NEWMETHOD sip:${anna} SIP/2.0`, CSeq: '1 NEWMETHOD' }), 405], ['a NOTIFY for us', subscribe({ '': `NOTIFY sip:${anna} SIP/2.0`, CSeq: '1 NOTIFY', 'Subscription-State': 'active' }), 405], ['a method of odd characters', subscribe({ '': `!interesting-Method0123456789_*+\`.%indeed'~ sip:${anna} SIP/2.0`, CSeq: '1 x' }), 400],
  ['a method in small letters', subscribe({ '': `subscribe sip:${anna} SIP/2.0`, CSeq: '1 subscribe' }), 405], ['two blanks in the first line', subscribe({ '': `SUBSCRIBE  sip:${anna} SIP/2.0` }), 400], ['a blank in the Request-URI', subscribe({ '': `SUBSCRIBE sip:anna nord@nordwind.example SIP/2.0` }), 400], ['a blank behind the version', subscribe({ '': `SUBSCRIBE sip:${anna} SIP/2.0 ` }), 400],
  ['brackets around the Request-URI', subscribe({ '': `SUBSCRIBE <sip:${anna} SIP/2.0`, To: `<sip:${anna}` }), 400], ['SIP/7.0', subscribe({ '': `SUBSCRIBE sip:${anna} SIP/7.0` }), 505], ['a folded first line', subscribe({ '': `SUBSCRIBE\r\n sip:${anna}\r\n SIP/3.0` }), 505],
  ['methods that do not match', subscribe({ CSeq: '1 PUBLISH' }), 400], ['a CSeq without a method', subscribe({ CSeq: '1' }), 400], ['a CSeq of 2^31', subscribe({ CSeq: '2147483648 SUBSCRIBE' }), 400], ['a CSeq of a hundred digits', subscribe({ CSeq: `${'9'.repeat(100)} SUBSCRIBE` }), 400], ['a CSeq in hexadecimal', subscribe({ CSeq: '0x10 SUBSCRIBE' }), 400], ['a negative CSeq', subscribe({ CSeq: '-1 SUBSCRIBE' }), 400],
  ['no From', subscribe({ From: undefined }), 400], ['no To', subscribe({ To: undefined }), 400], ['no Call-ID', subscribe({ 'Call-ID': undefined }), 400], ['no CSeq', subscribe({ CSeq: undefined }), 400], ['no From tag', subscribe({ From: `<sip:${boris}>` }), 400], ['an empty From tag', subscribe({ From: `<sip:${boris}>;tag=` }), 400], ['two From', subscribe({ f: `<sip:${anna}>;tag=x` }), 400], ['two To', subscribe({ t: `<sip:${boris}>` }), 400], ['two Call-ID', subscribe({ i: 'other' }), 400], ['two CSeq', subscribe({ 'CSEQ': '1 SUBSCRIBE' }), 400],
  ['two Events', subscribe({ o: 'presence' }), 400], ['two Expires', subscribe({ EXPIRES: '600' }), 400], ['two Content-Type', subscribe({ c: 'application/simple-filter+xml', 'Content-Type': 'text/plain' }, 'x'), 400], ['two Content-Length', subscribe({ l: '10' }), 400],
  ['a negative Content-Length', subscribe({ 'Content-Length': '-999' }), 400], ['a Content-Length beyond the end', subscribe({ 'Content-Length': '9999' }), 400], ['a Content-Length of a hundred digits', subscribe({ 'Content-Length': '9'.repeat(100) }), 400], ['a Content-Length with a sign', subscribe({ 'Content-Length': '+0' }), 400],
  ['a negative Expires', subscribe({ Expires: '-1' }), 400], ['an Expires beyond 32 bits', subscribe({ Expires: '4294967296' }), 400], ['an Expires with a fraction', subscribe({ Expires: '600.5' }), 400], ['an Expires of a date', subscribe({ Expires: 'Sat, 01 Dec 2040 16:00:00 GMT' }), 400], ['an empty Expires', subscribe({ Expires: '' }), 400], ['an Expires too brief', subscribe({ Expires: '5' }), 423],
  ['an open quote', subscribe({ To: `"Mr. J. User <sip:${anna}>` }), 400], ['an open bracket', subscribe({ To: `<sip:${anna}` }), 400], ['brackets in the wrong order', subscribe({ From: `>sip:${boris}<;tag=t1` }), 400], ['nothing in the brackets', subscribe({ From: '<>;tag=t1' }), 400],
  ['another scheme', subscribe({ To: '<tel:+4940555>' }), 400], ['an unknown scheme', subscribe({ From: '<nobodyKnowsThisScheme:totallyopaque>;tag=t1' }), 400], ['an escape that is none', subscribe({ From: '<sip:bor%zzis@nordwind.example>;tag=t1' }), 400], ['an escape cut short', subscribe({ From: '<sip:boris%4@nordwind.example>;tag=t1' }), 400], ['an escape that is no UTF-8', subscribe({ From: '<sip:boris%ff@nordwind.example>;tag=t1' }), 400],
  ['an escaped null', subscribe({ From: '<sip:null-%00-null@nordwind.example>;tag=t1' }), 400], ['an escaped line break', subscribe({ From: '<sip:boris%0d%0aX:%20y@nordwind.example>;tag=t1' }), 400], ['an escaped at sign', subscribe({ From: '<sip:boris%40nordwind.example@evil.example>;tag=t1' }), 400], ['two at signs', subscribe({ From: '<sip:boris@nordwind.example@evil.example>;tag=t1' }), 400], ['a port of six digits', subscribe({ From: '<sip:boris@nordwind.example:700000>;tag=t1' }), 400],
  ['a Contact that is none', subscribe({ Contact: '<sip:boris@>' }), 400], ['a Contact with a line break', subscribe({ Contact: '<sip:boris@192.0.2.20%0d%0aEvil: yes>' }), 400], ['a Contact that is a star', subscribe({ Contact: '*' }), 400], ['no Contact', subscribe({ Contact: undefined }), 400],
  // What might become a header of ours.
  ['a carriage return in a header', subscribe({ 'Call-ID': 'a\rEvil: yes' }), 400], ['a null in a header', subscribe({ 'Call-ID': 'a\u0000b' }), 400], ['a backspace in a name', subscribe({ From: `"a\bc" <sip:${boris}>;tag=t1` }), 400], ['a header without a name', subscribe({ '': `SUBSCRIBE sip:${anna} SIP/2.0\r\n: x` }), 400], ['a header with a blank in its name', subscribe({ 'Not a header': 'x' }), 400],
  ['bad UTF-8 in a header', Buffer.concat([Buffer.from(subscribe().slice(0, 120)), Buffer.from([0xc3, 0x28]), Buffer.from(subscribe().slice(120))]), 400], ['an overlong form', Buffer.concat([Buffer.from('X: '), Buffer.from([0xc0, 0xaf]), Buffer.from('\r\n'), Buffer.from(subscribe())]), 400], ['a control character in a name', subscribe({ From: `"\u0001" <sip:${boris}>;tag=t1` }), 400],
  ['an event of no name', subscribe({ Event: ';id=1' }), 489], ['an event with a template', subscribe({ Event: 'presence.winfo.winfo' }), 489], ['a quoted event', subscribe({ Event: '"presence"' }), 489], ['an id with a line break', subscribe({ Event: 'presence;id="a\\\r\n b"' }), 400], ['a required extension', subscribe({ Require: 'nothingSupportsThis, nothingSupportsThisEither' }), 420], ['one with odd characters', subscribe({ Require: 'a"b' }), 420],
  ['a To tag that nobody gave', subscribe({ To: `<sip:${anna}>;tag=stolen` }), 481], ['an empty To tag', subscribe({ To: `<sip:${anna}>;tag=` }), 481], ['another user than the proxy knows', subscribe({ From: `<sip:gerd@nordwind.example>;tag=t1` }), 401], ['an unwanted body', subscribe({ 'Content-Type': 'application/sdp' }, 'v=0'), 415], ['a multipart with a wrong boundary', subscribe({ 'Content-Type': 'multipart/mixed;boundary=b1' }, '--b2\r\n\r\nx\r\n--b2--'), 415], ['a body of no type', subscribe({}, 'x'), 415],
  ['300 headers', subscribe(Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`X-${at}`, 'x']))), 400], ['headers of 70 KB', subscribe({ X: 'x'.repeat(70_000) }), 413], ['700 KB', subscribe({}, 'x'.repeat(700_000)), 413], ['a million blanks', subscribe({ To: `${' '.repeat(60_000)}<sip:${anna}` }), 400], ['many semicolons', subscribe({ From: `<sip:${boris}>${';'.repeat(60_000)}` }), 400], ['many quotes', subscribe({ From: `${'"'.repeat(60_001)}<sip:${boris}>;tag=t1` }), 400],
]

const documents: readonly (readonly [name: string, request: string | Uint8Array, status: number])[] = [
  ['no body and no tag', publish({ 'Content-Type': undefined }, ''), 400], ['two tags', publish({ 'SIP-If-Match': 'a, b' }), 400], ['a tag that is none', publish({ 'SIP-If-Match': '"a b"' }), 400], ['a tag that nobody gave', publish({ 'SIP-If-Match': 'stolen' }), 412], ['for another user', publish({ From: `<sip:${boris}>;tag=p1` }), 403], ['to another user', publish({ '': `PUBLISH sip:${boris} SIP/2.0` }), 403],
  ['no Event', publish({ Event: undefined }), 489], ['another Event', publish({ Event: 'dialog' }), 489], ['an Expires too brief', publish({ Expires: '1' }), 423], ['a negative Expires', publish({ Expires: '-1' }), 400], ['another type', publish({ 'Content-Type': 'application/cpim-pidf+xml' }), 415], ['a partial document', publish({ 'Content-Type': 'application/pidf-diff+xml' }), 415], ['a multipart', publish({ 'Content-Type': 'multipart/related;boundary="b"' }, `--b\r\n\r\n${PIDF}\r\n--b--`), 415],
  ['Content-Length cuts the document', publish({ 'Content-Length': String(PIDF.length - 5) }), 400], ['a billion laughs', publish({}, `<!DOCTYPE presence [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>${PIDF.replace(/^<\?.*?\?>/, '').replace('open', '&b;')}`), 400], ['an external entity', publish({}, `<!DOCTYPE presence SYSTEM "file:///etc/passwd">${PIDF.replace(/^<\?.*?\?>/, '')}`), 400],
  ['a deep document', publish({}, presenceOf(anna, '<a>'.repeat(300) + '</a>'.repeat(300))), 400], ['a wide one', publish({}, presenceOf(anna, '<tuple id="x"><status/></tuple>'.repeat(200).replace(/"x"/g, () => `"t${Math.trunc(counter++)}"`))), 400], ['a large one', publish({}, presenceOf(anna, tuple('open', `<note>${'x'.repeat(9_000)}</note>`))), 413], ['many namespaces', publish({}, PIDF.replace('<presence ', `<presence ${Array.from({ length: 100 }, (_, at) => `xmlns:n${at}="urn:${at}"`).join(' ')} `)), 400],
  ['an id twice', publish({}, presenceOf(anna, tuple('open'), tuple('closed'))), 400], ['no id', publish({}, presenceOf(anna, '<tuple><status/></tuple>')), 400], ['no status', publish({}, presenceOf(anna, '<tuple id="a"/>')), 400], ['a status nobody knows', publish({}, presenceOf(anna, tuple('half-open'))), 400], ['somebody else', publish({}, presenceOf(boris, tuple('open'))), 400], ['an entity that is no URI', publish({}, presenceOf(anna, tuple('open')).replace(`sip:${anna}`, 'anna nord')), 400],
  ['another namespace', publish({}, PIDF.replace('urn:ietf:params:xml:ns:pidf"', 'urn:ietf:params:xml:ns:cpim-pidf"')), 400], ['two documents', publish({}, `${PIDF}${PIDF}`), 400], ['UTF-16 said', publish({}, PIDF.replace('UTF-8', 'UTF-16')), 400], ['a character that XML cannot hold', publish({}, presenceOf(anna, tuple('open', '<note>&#1;</note>'))), 400], ['bad UTF-8', Buffer.concat([Buffer.from(publish({ 'Content-Length': undefined }).slice(0, -40)), Buffer.from([0xff, 0xfe]), Buffer.from(PIDF.slice(-40))]), 400],
]


const refuses = async (t: Test, cases: typeof malformed): Promise<void> => {
  await begin()
  await sends(publish({ 'Call-ID': 'first', 'Content-Type': 'application/pidf+xml' }, presenceOf(anna, tuple('open'), doing('meeting'))))
  t.equal((await sends(subscribe({ 'Call-ID': 'first' }))).status, 200)
  world.heardOn('phone')
  const before = await world.dump()
  for (const [name, request, status] of cases) {
    const answer = await sends(request)
    t.equal(answer.status, status, `${name}: ${status}`, { diagnostics: answer.header('ms-diagnostics') })
    t.match(answer.header('ms-diagnostics') ?? answer.header('ms-diagnostics-public'), /^\d+;reason="[^"]+"/, `${name}: says why`)
    for (const [header, value] of answer.headers) t.notMatch(header + value, /[\r\n\u0000]/, `${name}: ${header} is one line`)
  }
  t.strictSame([await world.dump(), world.heardOn('phone')], [before, []], 'nothing has changed, nobody has heard anything')
  t.equal((await sends(subscribe({ 'Call-ID': 'last' }))).status, 200, 'and it goes on')
}

t.test('malformed requests: refused, and why', async (t) => refuses(t, malformed))

t.test('malformed documents: refused, and why', async (t) => refuses(t, documents))
