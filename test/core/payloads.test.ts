import fc from 'fast-check'
import t from 'tap'
import { readPayloadObject } from '../../src/core/categories/payload-object.ts'
import { builtInPayloadChecks, builtInPayloadSchemas, compilePayloadSchema } from '../../src/core/categories/validate-payload.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { writeVerbatim } from '../../src/core/xml/write.ts'
import { bytes, must } from './support.ts'

const MS = 'http://schemas.microsoft.com/2006/09/sip'
const XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
const DELIMITER = `<delimiter xmlns="${MS}/commontypes"/>`
const END = `<end xmlns="${MS}/commontypes"/>`

/** The verdict on a payload as it comes out of a request: through the strict door, made independent of its place. */
const judge = (category: string, payload: string): string => {
  const check = builtInPayloadChecks.get(category)
  if (check === undefined) throw new Error(`no check for ${category}`)
  if (payload === '') return check('') ?? 'ok'
  const { root, source } = must(parseXml(bytes(payload)))
  return check(writeVerbatim(source, root)) ?? 'ok'
}

type Row = readonly [category: string, name: string, payload: string]
type Refused = readonly [category: string, payload: string, sentence: string]

const state = (type: string, content = '', attributes = ''): string => `<state xmlns="${MS}/state" ${XSI} xsi:type="${type}"${attributes}>${content}</state>`
const zone = `${DELIMITER}<timeZoneBias>-60</timeZoneBias><timeZoneName>Mitteleurop\u00e4ische Zeit</timeZoneName><timeZoneAbbreviation>MEZ</timeZoneAbbreviation><device>deskphone</device>${END}`
const device = (content: string, attributes = ' endpointId="7B1C"'): string => `<device xmlns="${MS}/device"${attributes}>${content}</device>`
const capabilities = '<capabilities preferred="false" uri="sip:anna@nordwind.example"><text capture="true" render="true" publish="false">\n </text><gifInk render="1" capture="0"/></capabilities>'
const services = (content: string): string => `<services xmlns="${MS}/service">${content}</services>`
const card = (content: string, attributes = ''): string => `<contactCard xmlns="${MS}/contactcard"${attributes}>${content}</contactCard>`
const calendar = (content: string, attributes = ' mailboxID="anna@nordwind.example"'): string => `<calendarData xmlns="${MS}/calendarData"${attributes}>${content}</calendarData>`
const time = (bias: string, more = ''): string => `<Bias>${bias}</Bias><Time>03:00:00</Time><DayOrder>5</DayOrder><Month>10</Month><DayOfWeek>Sunday</DayOfWeek>${more}`
const hours = (days = 'Monday Tuesday  Friday', start = '540'): string => `<WorkingHours xmlns="http://schemas.microsoft.com/exchange/services/2006/types"><TimeZone><Bias>-60</Bias><StandardTime>${time('0')}</StandardTime><DaylightTime>${time('-60', '<Year>0</Year>')}</DaylightTime></TimeZone><WorkingPeriodArray><WorkingPeriod><DayOfWeek>${days}</DayOfWeek><StartTimeInMinutes>${start}</StartTimeInMinutes><EndTimeInMinutes>1020</EndTimeInMinutes></WorkingPeriod></WorkingPeriodArray></WorkingHours>`
const freeBusy = (text = '', attributes = 'startTime="2031-03-04T00:00:00Z" granularity="PT15M" encodingVersion="1"'): string => `<freeBusy ${attributes}>${text}</freeBusy>`
const acp = (content: string, attributes = ' default="true"'): string => `<userProperties><acpInformation${attributes}>${content}</acpInformation></userProperties>`
const ACP = '<tollNumber>+4930555</tollNumber><tollFreeNumber>0800</tollFreeNumber><tollFreeNumber>0801</tollFreeNumber><participantPassCode>12x</participantPassCode><domain>bridge.nordwind.example</domain><name>Bridge</name>'
const list = (content: string): string => `<propertyList xmlns="http://schemas.microsoft.com/2010/12/sip/propertyList">${content}</propertyList>`
const property = (name: string, type: string, content: string): string => `<property name="${name}" type="${type}">${content}</property>`

const accepted: readonly Row[] = [
  ...[...builtInPayloadSchemas.keys()].map((name) => [name, 'nothing', ''] as const),
  ...['state', 'dndState'].flatMap((name): readonly Row[] => [
    [name, '2.2.2.7.1: calendarState', state('calendarState', '<availability>6500</availability><activity token="in-a-meeting" minAvailability="6500" maxAvailability="8999"/><endpointLocation>\n</endpointLocation><meetingSubject>Plan</meetingSubject><meetingLocation LCID="1031" updated="2031-03-04T09:30:00Z">Saal</meetingLocation>', ' manual="false" uri="anna@nordwind.example" startTime="2031-03-04T09:00:00Z"')],
    [name, 'machineState with its time zone', state('machineState', `<availability>5000</availability><endpointLocation>Werk</endpointLocation>${zone}`, ' manual="false"')],
    [name, '7.2: machineState, second extension', state('machineState', `<availability>5000</availability>${zone.replace(END, '')}${DELIMITER}<treatLocationAsProximate>true</treatLocationAsProximate>${DELIMITER}<later a="1"><x/></later>${END}`)],
    [name, 'the zone without delimiters', state('machineState', '<timeZoneBias> 999 </timeZoneBias><device>toaster</device>')],
    [name, 'aggregateState with a custom activity', state('aggregateState', `<availability>9500</availability><activity><custom LCID="1031" xmlns="${MS}/state">Im Gespr\u00e4ch</custom></activity>${zone}`, ' lastActive="2031-03-04T09:30:00"')],
    [name, 'aggregateMachineState', state('aggregateMachineState', '<availability>5000</availability>', ' endpointId="7b1c"')],
    [name, '4.3: userState', state('userState', '<availability>6900</availability><activity token="urgent-interruptions-only" minAvailability="6900" maxAvailability="unbounded"></activity><endpointLocation/>', ' manual="true"')],
    [name, '2.2.2.7.10: not "do not disturb"', state('userState', '\n', ' manual="true"')],
    [name, 'phoneState', state('phoneState', '<availability>6500</availability><activity token="on-the-phone"/><activity token="in-a-conference"/>', ' uri="tel:+4930555" majorVersion="1" minorVersion="0"')],
    [name, 'presentingState', state('presentingState', '<availability>9000</availability><activity token="in-presentation"/>')],
    [name, 'the largest availability', state('userState', '<availability>+0004294967295</availability>')],
    [name, 'any attribute', state('userState', '', ' color="blue"')],
    [name, 'another prefix, and one in the type', `<s:state xmlns:s="${MS}/state" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="s:userState"><s:availability>1</s:availability></s:state>`],
    [name, 'no namespace', '<state type="userState"><availability>3500</availability></state>'],
    [name, '7.2: an extension', state('userState', '<extension><z/></extension>')],
    [name, 'references, CDATA, comments', state('userState', '<availability>&#51;<![CDATA[5]]><!-- 9 -->&#x30;0<?p a="?></availability>')],
  ]),
  ['device', '2.2.2.7.2', device(`${capabilities}<capabilities preferred="false" uri="anna@mail.nordwind.example"><calendar capture="false" render="false" publish="true" version="655616"/></capabilities><timezone>00:00:00-00:00</timezone><machineName>ANNA-1</machineName>`)],
  ['device', 'the prose: a time zone in another form, or none', device(`${capabilities}<timezone>00:00:00+01:00:00</timezone><machineName/>`)],
  ['device', '2.2.2.7.3 SHOULD: another capability', device('<capabilities><hologram/></capabilities><machineName>A</machineName>')],
  ['device', 'an extension', device(`${capabilities}<machineName>A</machineName>${DELIMITER}<more/>${END}`)],
  ['services', '2.2.2.7.3', services(`<service uri="sip:anna@nordwind.example">${capabilities.replace('text ', 'text preferredEndpointId="7b1c" deviceAvailability="3500" ')}</service><service uri="tel:+49"><capabilities>\n</capabilities></service>`)],
  ['services', '4.4.2: none', services('\n  ')],
  ['userProperties', '2.2.2.7.4', '<userProperties><lines><line lineType="Uc">\n tel:+4930555;ext=5\n </line><line lineType="Rcc" lineServer="sip:pbx@nordwind.example">tel:+49</line></lines><telephonyMode>Uc</telephonyMode><facsimileTelephoneNumber>+49</facsimileTelephoneNumber><streetAddress>Am Hang 1</streetAddress><l>Kiel</l><st>SH</st><countryCode>DE</countryCode><postalCode>24103</postalCode><wWWHomePage>http://nordwind.example</wWWHomePage><exumEnabled>1</exumEnabled><exumURL>EUM:anna@nordwind.example</exumURL></userProperties>'],
  ['userProperties', '4.4.2: one property', '<userProperties><telephonyMode>None</telephonyMode></userProperties>'], ['userProperties', 'forwardingUrls are whatever they are', '<userProperties><forwardingUrls><a><b>c</b></a></forwardingUrls></userProperties>'],
  ['userProperties', 'a conference provider, without end', acp(ACP)], ['userProperties', '2.2.2.7.4: a quote between elements', acp(`"${ACP}<url>https://nordwind.example</url>`, ' default="0"')],
  ['contactCard', 'a name', card('<identity><name><displayName LCID="1031">Anna</displayName></name><email>anna@nordwind.example</email></identity>')],
  ['contactCard', 'phones', card('<phone type="work"><uri>tel:1;phone-context=dialstring</uri></phone><phone type="boat" updated="2031-03-04T09:30:00Z"><uri/><displayString>1</displayString></phone>')],
  ['contactCard', 'isUCEnabled', card('\n', ' isUCEnabled="true"')], ['contactCard', 'type and description without a delimiter', card('<automaton>true</automaton><type>huntgroup</type><description>Empfang</description>')],
  ['contactCard', '7.3: everything', card(`<address type="work"><street>Hang</street><city>Kiel</city><state>SH</state><zipcode>1</zipcode><countryCode>DE</countryCode></address><company>N</company><department>D</department><title>T</title><office>O</office><url type="other">http://n</url>${DELIMITER}<type>person</type>${DELIMITER}<displayADPhoto>false</displayADPhoto><photo type="enterprise"><uri>http://n/p</uri><hash>x</hash></photo><photo><hash/></photo>${DELIMITER}<next/>${END}`, ' majorVersion="1"')],
  ['legacyInterop', '2.2.2.7.6', `<legacyInterop xmlns="${MS}/categories" availability="8400" token="urgent-interruptions-only" dndState="false"/>`], ['legacyInterop', '4.3: no namespace', '<legacyInterop availability="18500"/>'],
  ...['calendarData', 'workingHours'].flatMap((name): readonly Row[] => [
    [name, 'working hours', calendar(hours())], [name, 'no working days', calendar(hours(''))], [name, 'free-busy times', calendar(freeBusy('\n'))], [name, 'base64 in lines', calendar(freeBusy('AAECAwQF\n   BgcICQ==', 'startTime="2031-03-04T00:00:00" granularity="P1DT2H3M4.5S" encodingVersion="1.0"'))],
    [name, '4.3.3: nothing, no mailbox', calendar('', '')], [name, 'nothing of a mailbox', calendar('\n')], [name, 'an extension', calendar(`${hours()}${DELIMITER}<more/>${END}`)],
  ]),
  ['mwi', '2.2.2.7.11', `<mwi xmlns="${MS}/mwi" messageWaiting="true" unreadVoiceMailCount="30" readVoiceMailCount="13"/>`], ['mwi', '7.9: other elements', `<mwi xmlns="${MS}/mwi" messageWaiting="0"><x xmlns="urn:x">1</x></mwi>`],
  ['linkedPICContacts', '2.2.2.7.12', '<LinkedPicContactList><LinkedPicContactEntry primary-Identity="b@pic.example"><secondary-identities><secondary-identity>c@pic.example</secondary-identity><secondary-identity/></secondary-identities><x/></LinkedPicContactEntry></LinkedPicContactList>'],
  ['linkedPICContacts', 'the prose, and none', '<linkedPicContactList/>'],
  ['roomSetting', '2.2.2.7.13.1', list(`${property('ver', 'string', '<value>0.3</value>')}${property('setting', 'numeric', '<value>33</value>')}`)], ['roomUpdate', '2.2.2.7.13.2', list(property('msgid', 'numeric', '<value>12</value>'))], ['roomInvitation', '2.2.2.7.13.3', list(property('LastId', 'numeric', '<value>69</value>'))],
  ['gcFilterSetting', 'an empty value', list(property('specificsenders', 'string', '<value></value>'))], ['gcFilterSetting', '7.1: properties inside, any type', list(`${property('a', 'object', property('b', 'colour', '<value/>'))}${DELIMITER}<x/>${END}`)],
]

t.test('section 7: accepted payloads', async (t) => {
  for (const [category, name, payload] of accepted) t.equal(judge(category, payload), 'ok', `${category}: ${name}`)
})

const NUMBER = 'must be a number from 0 to 4294967295'
const KINDS = 'userState, presentingState, phoneState, machineState, calendarState, aggregateState, aggregateMachineState'
const FLAG = 'must be true or false'
const DATE = 'must be a date and time such as 2031-03-04T09:30:00Z'
const NO_TEXT = 'must be free of text, only elements may stand inside'

const refused: readonly Refused[] = [
  ...[...builtInPayloadSchemas.keys()].map((name) => [name, '<other/>', `other: must be the element ${{ dndState: 'state', workingHours: 'calendarData', linkedPICContacts: 'LinkedPicContactList' }[name] ?? (/^room|^gc/.test(name) ? 'propertyList' : name)}`] as const),
  ['state', `<state xmlns="${MS}/state"/>`, 'state: attribute type is missing'], ['state', state('moodState'), `state/@type: must be one of ${KINDS}`], ['state', state('xuserState'), `state/@type: must be one of ${KINDS}`],
  ...['', '-1', '4294967296', '99999999999', '1e3', '0x1', 'three', '1 2', '1.0', '\u0663'].map((value) => ['state', state('userState', `<availability>${value}</availability>`), `state/availability: ${NUMBER}`] as const),
  ['dndState', state('userState', '<availability>x</availability>'), `state/availability: ${NUMBER}`], ['state', state('userState', '<availability><b/></availability>'), 'state/availability: element b may not stand here'],
  ['state', state('userState', '<availability>1</availability><availability>2</availability>'), 'state/availability: may stand here once only'],
  ['state', state('userState', '', ' manual="yes"'), `state/@manual: ${FLAG}`], ...['', 'now', '2031-13-04T09:00:00Z', '2031-03-04', '2031-03-04T25:00:00Z', '2031-03-04T09:00Z'].map((value) => ['state', state('userState', '', ` startTime="${value}"`), `state/@startTime: ${DATE}`] as const),
  ['state', state('aggregateState', '', ' lastActive="1"'), `state/@lastActive: ${DATE}`], ['state', state('userState', '', ' majorVersion="a"'), `state/@majorVersion: ${NUMBER}`],
  ['state', state('userState', '<activity/><activity minAvailability="low"/>'), 'state/activity[2]/@minAvailability: must be a number from 0 to 4294967295 or "unbounded"'], ['state', state('userState', '<activity><custom LCID="de">x</custom></activity>'), `state/activity/custom/@LCID: ${NUMBER}`], ['state', state('userState', '<activity>busy</activity>'), `state/activity: ${NO_TEXT}`], ['state', state('userState', '<activity><mood/></activity>'), 'state/activity: element mood may not stand here'],
  ['state', state('userState', '<meetingSubject>x</meetingSubject>'), 'state: element meetingSubject may not stand here'], ['state', state('calendarState', '<device>web</device>'), 'state: element device may not stand here'], ['state', state('aggregateMachineState', '<treatLocationAsProximate/>'), 'state: element treatLocationAsProximate may not stand here'], ['state', state('machineState', '<mood/>'), 'state: element mood may not stand here'],
  ['state', state('machineState', `${DELIMITER}<timeZoneBias>9223372036854775808</timeZoneBias>${END}`), 'state/timeZoneBias: must be a number from -9223372036854775808 to 9223372036854775807'], ['state', state('userState', 'busy'), `state: ${NO_TEXT}`],
  ['device', device(`${capabilities}<machineName/>`, ''), 'device: attribute endpointId is missing'], ['device', device('<machineName/>'), 'device: element capabilities is missing'], ['device', device(capabilities), 'device: element machineName is missing'],
  ['device', device('<capabilities/><capabilities><text/><voice/><voice capture="maybe"/></capabilities><machineName/>'), `device/capabilities[2]/voice[2]/@capture: ${FLAG}`], ['device', device('<capabilities><text version="-1"/></capabilities><machineName/>'), `device/capabilities/text/@version: ${NUMBER}`], ['device', device(`${capabilities}<machineName/><os/>`), 'device: element os may not stand here'],
  ['services', services('<service/>'), 'services/service: attribute uri is missing'], ['services', services('<service uri="a"><capabilities/><capabilities/></service>'), 'services/service/capabilities: may stand here once only'], ['services', services('<service uri="a"><capabilities><text deviceAvailability="x"/></capabilities></service>'), `services/service/capabilities/text/@deviceAvailability: ${NUMBER}`],
  ['userProperties', '<userProperties><lines><line>tel:1</line></lines></userProperties>', 'userProperties/lines/line: attribute lineType is missing'], ['userProperties', '<userProperties><exumEnabled>18446744073709551616</exumEnabled></userProperties>', 'userProperties/exumEnabled: must be a number from 0 to 18446744073709551615'], ['userProperties', '<userProperties><l>a</l><l>b</l></userProperties>', 'userProperties/l: may stand here once only'], ['userProperties', '<userProperties><shoeSize/></userProperties>', 'userProperties: element shoeSize may not stand here'], ['userProperties', acp(ACP, ''), 'userProperties/acpInformation: attribute default is missing'], ['userProperties', acp('<tollNumber/>'), 'userProperties/acpInformation: element participantPassCode is missing'],
  ['contactCard', card('', ' isUCEnabled="yes"'), `contactCard/@isUCEnabled: ${FLAG}`], ['contactCard', card('<phone type="work"/>'), 'contactCard/phone: element uri is missing'], ['contactCard', card('<automaton>robot</automaton>'), `contactCard/automaton: ${FLAG}`], ['contactCard', card(`<description>${'x'.repeat(1025)}</description>`), 'contactCard/description: must be at most 1024 characters long'], ['contactCard', card('<photo type="default"/>'), 'contactCard/photo: element hash is missing'], ['contactCard', card('<identity><name/><name/></identity>'), 'contactCard/identity/name: may stand here once only'], ['contactCard', card('<title updated="today">x</title>'), `contactCard/title/@updated: ${DATE}`], ['contactCard', card('<pet/>'), 'contactCard: element pet may not stand here'],
  ['legacyInterop', '<legacyInterop/>', 'legacyInterop: attribute availability is missing'], ['legacyInterop', '<legacyInterop availability="high"/>', `legacyInterop/@availability: ${NUMBER}`], ['legacyInterop', '<legacyInterop availability="1" dndState="on"/>', `legacyInterop/@dndState: ${FLAG}`], ['legacyInterop', '<legacyInterop availability="1"><x/></legacyInterop>', 'legacyInterop: element x may not stand here'],
  ['calendarData', calendar(hours(), ''), 'calendarData: attribute mailboxID is missing'], ['workingHours', calendar(freeBusy(), ''), 'calendarData: attribute mailboxID is missing'], ['calendarData', calendar(hours() + freeBusy()), 'calendarData/freeBusy: may not stand here'], ['calendarData', calendar(hours('Montag')), 'calendarData/WorkingHours/WorkingPeriodArray/WorkingPeriod/DayOfWeek: must be a list of Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Day, Weekday, WeekendDay'], ['calendarData', calendar(hours('MondayTuesday')), 'calendarData/WorkingHours/WorkingPeriodArray/WorkingPeriod/DayOfWeek: must be a list of Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Day, Weekday, WeekendDay'],
  ['calendarData', calendar(hours('Monday', '9:00')), 'calendarData/WorkingHours/WorkingPeriodArray/WorkingPeriod/StartTimeInMinutes: must be a number from -2147483648 to 2147483647'], ['calendarData', calendar('<WorkingHours><WorkingPeriodArray/></WorkingHours>'), 'calendarData/WorkingHours: element TimeZone is missing'], ['calendarData', calendar(hours().replace('<Month>10', '<Month>40000')), 'calendarData/WorkingHours/TimeZone/StandardTime/Month: must be a number from -32768 to 32767'],
  ['calendarData', calendar(freeBusy('', 'startTime="2031-03-04T00:00:00Z" encodingVersion="1"')), 'calendarData/freeBusy: attribute granularity is missing'], ['calendarData', calendar(freeBusy('', 'startTime="2031-03-04T00:00:00Z" granularity="15" encodingVersion="1"')), 'calendarData/freeBusy/@granularity: must be a duration such as PT15M'], ['calendarData', calendar(freeBusy('AAEC!')), 'calendarData/freeBusy: must be base64'], ['calendarData', calendar(freeBusy('AAECA')), 'calendarData/freeBusy: must be base64'], ['calendarData', calendar('<holidays/>'), 'calendarData: element holidays may not stand here'],
  ['mwi', '<mwi/>', 'mwi: attribute messageWaiting is missing'], ['mwi', '<mwi messageWaiting="2"/>', `mwi/@messageWaiting: ${FLAG}`], ['mwi', '<mwi messageWaiting="true" unreadVoiceMailCount="many"/>', `mwi/@unreadVoiceMailCount: ${NUMBER}`],
  ['linkedPICContacts', '<LinkedPicContactList><LinkedPicContactEntry><secondary-identities/></LinkedPicContactEntry></LinkedPicContactList>', 'LinkedPicContactList/LinkedPicContactEntry: attribute primary-Identity is missing'], ['linkedPICContacts', '<LinkedPicContactList><x/></LinkedPicContactList>', 'LinkedPicContactList: element x may not stand here'],
  ['roomSetting', list(''), 'propertyList: element property is missing'], ['roomSetting', list(property('a', 'string', '')), 'propertyList/property: element value is missing'], ['roomSetting', list('<property name="a"><value/></property>'), 'propertyList/property: attribute type is missing'], ['roomSetting', list(property('a', 'object', `${property('b', 'string', '<value/>')}<value/>`)), 'propertyList/property/value: may not stand here'], ['roomUpdate', list(property('a', 'object', property('b', 'object', '<x/><value/>'))), 'propertyList/property/property: element x may not stand here'],
]

t.test('section 7: refused payloads, and the place', async (t) => {
  for (const [category, payload, sentence] of refused) t.equal(judge(category, payload), sentence, `${category}: ${payload.slice(0, 120)}`)
})

t.test('only what section 7 or 2.2.2.7 defines is judged', async (t) => {
  t.same([...builtInPayloadChecks.keys()], [...builtInPayloadSchemas.keys()])
  for (const opaque of ['note', 'routing', 'alerts']) t.notOk(builtInPayloadChecks.has(opaque), opaque)
})

t.test('a payload as an object', async (t) => {
  const cases: readonly (readonly [name: string, payload: string, json: string])[] = [
    ['attributes, text, children', '<s:state xmlns="u" xmlns:s="v" s:type=" a " b="1&#10;&amp;\n2"><s:x>1</s:x><x> 2\t</x><y><z/></y></s:state>', '{"state":{"@xmlns":"u","@type":"a","@b":"1\\n& 2","x":[{"#text":"1"},{"#text":"2"}],"y":[{"z":[{"#text":""}]}]}}'],
    ['an empty element', '<a/>', '{"a":{"#text":""}}'], ['text between elements', '<a>1<b/> 2 <b/>\n</a>', '{"a":{"b":[{"#text":""},{"#text":""}],"#text":"1 2"}}'],
    ['nothing converted', '<a b="true">0012.50</a>', '{"a":{"@b":"true","#text":"0012.50"}}'], ['the unprefixed attribute', '<a p:b="1" xmlns:p="p" xmlns:q="q" q:b="2" b="3"/>', '{"a":{"@b":"3","#text":""}}'],
    ['CDATA and references', '<a>&lt;<![CDATA[&lt;<b>]]>&#228;&#x1F600;&amp;amp;&apos;&quot;&gt;</a>', '{"a":{"#text":"<&lt;<b>\u00e4\u{1f600}&amp;\'\\">"}}'], ['comments', '<a>1<!-- <b/> -->2</a>', '{"a":{"#text":"12"}}'],
    ['instructions cannot hide elements', '<a><?p "?><b/><?p "?><![CDATA[<?x ?>]]><!-- <?y --></a>', '{"a":{"b":[{"#text":""}],"#text":"<?x ?>"}}'], ['quotes, tabs and lines in tags', '<a\tb=\'x">y\'\n c = "\'"\n/>', '{"a":{"@b":"x\\">y","@c":"\'","#text":""}}'],
    ['names that objects know', '<__proto__ __proto__="1" constructor="2"><__proto__ x="y"/><constructor/><prototype/><toString valueOf="3"/><hasOwnProperty/></__proto__>', '{"__proto__":{"@__proto__":"1","@constructor":"2","__proto__":[{"@x":"y","#text":""}],"constructor":[{"#text":""}],"prototype":[{"#text":""}],"toString":[{"@valueOf":"3","#text":""}],"hasOwnProperty":[{"#text":""}]}}'],
    ['other scripts, no-break spaces', '<\u540d>\u00a0x\u00a0</\u540d>', '{"\u540d":{"#text":"\u00a0x\u00a0"}}'],
  ]
  for (const [name, payload, json] of cases) {
    must(parseXml(bytes(payload)))
    t.equal(JSON.stringify(readPayloadObject(payload)), json, name)
  }
  t.equal(Object.getPrototypeOf({}).x, undefined, 'nothing got into the prototype of objects')
  t.throws(() => readPayloadObject('text'))
})

t.test('hostile payloads get a verdict', async (t) => {
  const nested = (depth: number): string => `${'<x>'.repeat(depth)}${'</x>'.repeat(depth)}`
  t.equal(judge('state', state('userState', `${DELIMITER}${nested(60)}${END}`)), 'ok', 'as deep as the door allows')
  t.equal(builtInPayloadChecks.get('state')?.(nested(100_000)), 'payload: must be one well-formed element', 'deeper than the door allows')
  t.equal(judge('state', state('userState', `<availability>${'9'.repeat(200_000)}</availability>`)), `state/availability: ${NUMBER}`)
  t.equal(judge('state', state('userState', `<availability>${'0'.repeat(200_000)}x</availability>`)), `state/availability: ${NUMBER}`)
  t.equal(judge('calendarData', calendar(freeBusy('A'.repeat(300_000)))), 'ok')
  t.equal(judge('calendarData', calendar(freeBusy('A \n'.repeat(60_000) + '!'))), 'calendarData/freeBusy: must be base64')
  t.equal(judge('calendarData', calendar(hours('Monday '.repeat(20_000) + 'x'))).slice(-10), 'WeekendDay')
  t.equal(judge('device', device(`${'<capabilities/>'.repeat(19_000)}<machineName/>`)), 'ok', 'many elements')
  t.equal(judge('state', state('userState', '<activity/>'.repeat(19_000) + '<activity token="a" minAvailability="x"/>')).slice(0, 22), 'state/activity[19001]/')
  t.equal(judge('state', state('userState', `<availability>${'&#57;'.repeat(50_000)}</availability>`)), `state/availability: ${NUMBER}`, 'many references')
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    t.equal(judge('state', state('userState', `<${name}/>`)), `state: element ${name} may not stand here`)
    t.equal(judge('mwi', `<mwi messageWaiting="true" ${name}="x"><${name}><a/></${name}></mwi>`), 'ok')
    t.equal(judge('mwi', `<${name} messageWaiting="true"/>`), `${name}: must be the element mwi`)
  }
  t.ok(judge('mwi', `<${'n'.repeat(5000)}/>`).length < 200, 'sentences stay short')
})

t.test('a verdict is never an exception', async () => {
  const checks = [...builtInPayloadChecks.values()]
  const piece = fc.constantFrom('<', '>', '</', '/>', '<state', '<a b="', '"', '\'', '=', '&', '&#', ';', '<![CDATA[', ']]>', '<!--', '-->', '<?', '?>', '<!DOCTYPE', '[', ' ', '\n', '__proto__', ':', '@', '#text', '\u0000', '<property', '<state xsi:type="userState">')
  fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => checks.every((check) => ['string', 'undefined'].includes(typeof check(pieces.join(''))))), { numRuns: 300 })
  const name = fc.constantFrom('state', 'device', 'property', 'value', 'availability', 'activity', 'capabilities', '__proto__', 'constructor', 'delimiter', 'p:x')
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.tuple(name, fc.dictionary(fc.constantFrom('type', 'p:type', 'manual', '__proto__', 'name', 'uri'), fc.constantFrom('userState', 'true', '&amp;', '')), fc.oneof({ maxDepth: 4 }, fc.constantFrom('', '1', ' x ', '<![CDATA[<]]>', '<?p "?>'), fc.array(tie('tree'), { maxLength: 4 }).map((parts) => parts.join(''))))
      .map(([tag, attributes, content]) => `<${tag}${Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`).join('')}>${content}</${tag}>`),
  }))
  fc.assert(fc.property(tree, (text) => {
    const { root, source } = must(parseXml(bytes(`<r xmlns:p="urn:p">${text}</r>`)))
    const [child] = root.children
    if (child === undefined) return false
    const payload = writeVerbatim(source, child)
    return Object.keys(readPayloadObject(payload))[0] === child.local && checks.every((check) => ['string', 'undefined'].includes(typeof check(payload)))
  }), { numRuns: 300 })
})

t.test('schemas of operators', async (t) => {
  for (const [name, schema] of builtInPayloadSchemas) t.ok(compilePayloadSchema(JSON.parse(JSON.stringify(schema))).ok, `${name}: a built-in schema is one that an operator could register`)
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', required: ['alert'],
    properties: { alert: { type: 'object', required: ['@level'], properties: { '@level': { enum: ['low', 'high'], description: 'low or high' }, until: { items: { properties: { '#text': { pattern: '^[0-9]+$' } } } }, alert: { items: { $ref: '#/properties/alert' } } } } },
  }
  const compiled = compilePayloadSchema(schema)
  if (!compiled.ok) throw new Error(compiled.error)
  for (const [payload, sentence] of [
    ['<alert level="low"/>', undefined], ['', undefined], ['<alert level="low"><alert level="high"/></alert>', undefined], ['<alarm/>', 'alarm: must be the element alert'], ['<alert/>', 'alert: attribute level is missing'], ['<alert level="mid"/>', 'alert/@level: must be low or high'],
    ['<alert level="low"><until>1</until><until>x</until></alert>', 'alert/until[2]: must match pattern "^[0-9]+$"'], ['<alert level="low"><alert><alert/></alert></alert>', 'alert/alert: attribute level is missing'],
  ] as const) t.equal(compiled.validate(payload), sentence, payload)

  const deep = (depth: number): unknown => (depth === 0 ? {} : { not: deep(depth - 1) })
  const circular: Record<string, unknown> = {}
  circular['not'] = circular
  const faults: readonly (readonly [schema: unknown, error: RegExp])[] = [
    [undefined, /is an object/], [null, /is an object/], ['{}', /is an object/], [[], /is an object/], [{ type: 'objekt' }, /schema is invalid/], [{ typo: 1 }, /unknown keyword/], [{ format: 'email' }, /unknown format/], [{ $async: true }, /\$async/],
    [{ $schema: 'https://json-schema.org/draft/2020-12/schema' }, /draft-07/], [{ $ref: 'http://192.0.2.1/schema' }, /only references inside/], [{ items: [{ $ref: 'file:///etc/passwd' }] }, /only references inside/], [{ $ref: '#/definitions/none' }, /resolve/], [{ $id: 'http://192.0.2.1/', properties: { a: { $ref: '#/none' } } }, /resolve/],
    [deep(40), /nested deeper/], [circular, /nested deeper/], [{ enum: Array.from({ length: 6000 }, (_, at) => at) }, /more than 5000 values/], [{ const: 'x'.repeat(70_000) }, /characters/], [{ pattern: 'x'.repeat(1100) }, /longer/], [{ pattern: '[' }, /Invalid regular expression/],
    ...['(a+)+$', '^(a*)*$', '([a-z]+ ?)+$', '(a|a)*$', '(?:x{1,})*', '(\\d+,?)+$', '(.|\\n)*x'].map((pattern) => [{ pattern }, /repeats a repetition/] as const), [{ patternProperties: { '(a+)+': true } }, /repeats a repetition/],
    [{ get properties() { throw new Error('no') } }, /no/],
  ]
  for (const [schema, error] of faults) {
    const compiled = compilePayloadSchema(schema)
    t.match(compiled.ok ? 'ok' : compiled.error, error)
  }
  for (const pattern of ['^[a-z]+(?:-[a-z]{1,8})*$', '^(Mon|Tue|Wed)( (?:Mon|Tue|Wed))*$', '^\\d{1,3}(\\.\\d{1,3}){3}$', '^(?=a)b(?<n>c)?[)(+*]*\\)+$']) t.ok(compilePayloadSchema({ pattern }).ok, pattern)
  const endless = compilePayloadSchema({ definitions: { a: { allOf: [{ $ref: '#/definitions/a' }] } }, $ref: '#/definitions/a' })
  t.match(endless.ok ? endless.validate('<a/>') : endless.error, /cannot be applied/, 'a schema that refers to itself is not an exception either')
})
