import t from 'tap'
import { failure } from '../../src/core/base/failure.ts'
import { alternativesOf } from '../../src/core/directory/conditions.ts'
import { searchEntry } from '../../src/core/directory/entry.ts'
import { foldAddress, foldPhone, foldText } from '../../src/core/directory/fold.ts'
import { mergeResults } from '../../src/core/directory/merge.ts'
import { withSearchFault, writeDirectoryAnswer } from '../../src/core/documents/directory-search.ts'
import { readDirectorySearch, type AskedSearch } from '../../src/core/requests/directory-search.ts'
import { readSoap } from '../../src/core/requests/soap.ts'
import { searchBody } from '../support/bodies.ts'
import { anna, boris, bytes, documents, must, verdict } from './support.ts'

/** Directory search (2.2.1, 3.1, 8). */

const read = (text: string) => readDirectorySearch(must(readSoap(bytes(text))))
const good = searchBody([['givenName', 'Anna']])
const ask = (from: string | RegExp, to: string): string => {
  const changed = good.replace(from, to)
  if (changed === good) throw new Error(`${from} is not there`)
  return changed
}

t.test('8.1: what a request may look like', async (t) => {
  const found: AskedSearch = { terms: [{ attribute: 'givenname', value: 'Anna' }], maxResults: 100 }
  t.same(must(read(good)), found)
  for (const [name, text] of [
    ['bare attributes, as in the schema', good.replace(/ m:(href|id|attrib|value)=/g, ' $1=')], ['another prefix', good.replaceAll('m:', 'x:').replaceAll('xmlns:m', 'xmlns:x')],
    ['the number before the filter', ask(/(<m:filter[^>]*>)(<m:maxResults>.*<\/m:maxResults>)/, '$2$1')], ['the value before the attribute', ask(/(m:attrib="\w+") (m:value="\w+")/, '$2 $1')],
    ['href without #', ask('#searchArray', 'searchArray')], ['no href: there is one array', ask(' m:href="#searchArray"', '')], ['another array beside it', ask('</SOAP-ENV:Body>', '<m:Array xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip" m:id="b"/></SOAP-ENV:Body>')],
    ['blanks around values', ask('"Anna"', '" Anna "').replace('>100<', '> 100\n<').replace('"givenName"', '" GIVENNAME "')],
  ] as const) t.same(must(read(text)), found, name)
  t.same(must(read(searchBody([['sn', '%_\\*)('], ['msRTCURI', 'sip:a'], ['anr', 'b c'], ['anr', 'd']], '0'))), {
    terms: [{ attribute: 'sn', value: '%_\\*)(' }, { attribute: 'msrtcuri', value: 'sip:a' }, { attribute: 'anr', value: 'b c' }, { attribute: 'anr', value: 'd' }], maxResults: 0,
  }, 'several conditions, values as they are')
  t.equal(must(read(searchBody([['sn', 'a']], '9'.repeat(400)))).maxResults, Number.MAX_SAFE_INTEGER)
  t.equal(must(read(searchBody(Array.from({ length: 16 }, () => ['sn', 'a'] as const)))).terms.length, 16)
})

t.test('3.1.5.4: what is refused with 400', async (t) => {
  for (const [name, text] of [
    ['no filter', ask(/<m:filter[^>]*>/, '')], ['two filters', ask(/(<m:filter[^>]*>)/, '$1$1')], ['no maxResults', ask(/<m:maxResults>.*<\/m:maxResults>/, '')], ['an empty one', ask('>100<', '><')], ['a negative one', ask('>100<', '>-1<')],
    ['no number', ask('>100<', '>many<')], ['a fraction', ask('>100<', '>1.5<')], ['two', ask(/(<m:maxResults>.*<\/m:maxResults>)/, '$1$1')],
    ['no array', ask(/<m:Array.*<\/m:Array>/, '')], ['an array of another name', ask('m:id="searchArray"', 'm:id="other"')], ['one without a name', ask(' m:id="searchArray"', '')], ['two of the name', ask(/(<m:Array.*<\/m:Array>)/, '$1$1')],
    ['no href and two arrays', ask(' m:href="#searchArray"', '').replace('</SOAP-ENV:Body>', '<m:Array xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip"/></SOAP-ENV:Body>')],
    ['an array of another namespace', ask('<m:Array xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip" m:id', '<m:Array xmlns:m="urn:x" m:id')],
    ['no rows', searchBody([])], ['17 rows', searchBody(Array.from({ length: 17 }, () => ['sn', 'a'] as const))], ['no attribute', ask(' m:attrib="givenName"', '')], ['an empty one', searchBody([['', 'a']])], ['no value', ask(' m:value="Anna"', '')],
    ['an empty one', searchBody([['sn', '']])], ['blanks', searchBody([['sn', ' \t']])], ['a long one', searchBody([['sn', 'a'.repeat(257)]])], ['one bad row among good ones', searchBody([['sn', 'a'], ['sn', ''], ['l', 'b']])],
    ...['sn)(uid=*', 'sn;lang-de', '1sn', '-sn', 's n', '2.5.4.4', 'sn=', 'näme', 'a'.repeat(65)].map((attribute) => [`attribute ${attribute}`, searchBody([[attribute, 'a']])] as const),
  ] as const) t.equal(verdict(read(text)), 'bodyNotValid', name)
})

t.test('what is folded alike is found alike', async (t) => {
  for (const [a, b] of [['ÄNNE', 'anne'], ['Größe', 'GROSSE'], ['Łukasz', 'lukasz'], ['  Anna \t Weber ', 'anna weber'], ['Søren', 'soren'], ['İnci', 'inci'], ['Ἀθηνᾶς', 'αθηνασ'], ['ﬁne', 'FINE'], ['日本', '日本'], ['ＡＢＣ', 'abc']] as const) t.equal(foldText(a), foldText(b), a)
  t.not(foldText('anna'), foldText('hanna'))
  t.equal(foldText('🎈'.repeat(200)), '🎈'.repeat(128), 'cut between characters')
  t.same(['sip:Anna@Nordwind.example', 'SMTP:a@b', 'mailto:a@b', 'anna'].map(foldAddress), ['anna@nordwind.example', 'a@b', 'a@b', 'anna'])
  t.same(['+49 (40) 123-45', 'tel:+494012345', '(+49) 40', 'ext 12', 'none', '+'].map(foldPhone), ['+494012345', '+494012345', '4940', '12', '', '+'])
})

t.test('3.1.5.2: what a user can be found by', async (t) => {
  const entry = searchEntry(anna, 'Änne Maria Weber', { givenName: 'Änne', email: 'A@B', phone: '+49 40 1', title: ' ', office: 'Pier 4', company: 'Nordwind', department: 'Ops', city: 'Köln', state: 'NW', country: 'DE', mobile: '1' })
  t.same(entry, { user: anna, address: anna, display_name: 'anne maria weber', given_name: 'anne', surname: 'weber', mail: 'a@b', phone: '+49401', mobile: '1', title: undefined, office: 'pier 4', company: 'nordwind', department: 'ops', city: 'koln', state: 'nw', country: 'de' })
  for (const [name, given, surname] of [['Änne Maria Weber', 'anne maria', 'weber'], ['Weber, Änne Maria', 'anne maria', 'weber'], ['Weber', 'weber', 'weber'], ['Weber,', undefined, 'weber'], [' ', undefined, undefined]] as const) {
    const { given_name, surname: found } = searchEntry(anna, name, {})
    t.same([given_name, found], [given, surname], name)
  }
  t.equal(searchEntry(anna, 'A', { surname: 'O\u2019Neil' }).surname, 'o\u2019neil')
})

t.test('8.3: attributes and macros, row by row; what is no attribute here is met by nobody', async (t) => {
  const ways = (attribute: string, value: string): readonly string[] => alternativesOf({ attribute, value }).map((way) => way.map(({ column, prefix }) => `${column}:${prefix}`).join(' & '))
  for (const [attribute, value, ...expected] of [
    ['givenname', 'Änn', 'given_name:ann'], ['sn', 'W', 'surname:w'], ['displayname', 'A  b', 'display_name:a b'], ['cn', 'a', 'display_name:a'], ['name', 'a', 'display_name:a'], ['mail', 'A@', 'mail:a@'], ['telephonenumber', '+49 4', 'phone:+494'], ['mobile', '1-2', 'mobile:12'],
    ['title', 'a', 'title:a'], ['physicaldeliveryofficename', 'a', 'office:a'], ['company', 'a', 'company:a'], ['o', 'a', 'company:a'], ['department', 'a', 'department:a'], ['ou', 'a', 'department:a'], ['l', 'a', 'city:a'], ['st', 'a', 'state:a'], ['c', 'DE', 'country:de'], ['co', 'a', 'country:a'],
    ['msrtcuri', 'sip:An', 'address:an'], ['msrtcuri', 'an', 'address:an'], ['msrtcsip-primaryuseraddress', 'sip:an', 'address:an'], ['uid', 'an', 'address:an'], ['samaccountname', 'an', 'address:an'], ['userprincipalname', 'an@', 'address:an@'], ['msrtcmail', 'An', 'mail:an'],
    ['proxyaddresses', 'SMTP:a', 'mail:a'], ['proxyaddresses', 'sip:a', 'address:a'], ['proxyaddresses', 'X500:a'],
    ['anr', 'We', 'display_name:we', 'given_name:we', 'surname:we', 'office:we', 'mail:we', 'address:we'],
    ['anr', 'sip:we', 'display_name:sip:we', 'given_name:sip:we', 'surname:sip:we', 'office:sip:we', 'mail:we', 'address:we'],
    ['anr', 'An We', 'display_name:an we', 'given_name:an we', 'surname:an we', 'office:an we', 'mail:an we', 'address:an we', 'given_name:an & surname:we', 'given_name:we & surname:an'],
    ['anr', 'We, An', 'display_name:we, an', 'given_name:we, an', 'surname:we, an', 'office:we, an', 'mail:we, an', 'address:we, an', 'given_name:we & surname:an', 'given_name:an & surname:we'],
    ['employeeid', 'a'], ['constructor', 'a'], ['telephonenumber', 'none'], ['sn', '\u0301'], ['anr', '\u0301'],
  ] as const) t.same(ways(attribute, value), expected, `${attribute}=${value}`)
})

t.test('several directories are one: each person once, by name', async (t) => {
  const of = (user: string, displayName: string, more: Readonly<Record<string, string>> = {}) => ({ user, displayName, ...more })
  const merge = (limit: number, ...found: readonly (readonly [ReturnType<typeof of>[], boolean])[]) => mergeResults(found.map(([people, more]) => ({ people, more })), limit)
  t.same(merge(5, [[of(boris, 'Boris', { city: 'Bremen' })], false], [[of(anna, 'änne'), of(boris, 'B.', { city: 'Kiel', title: 'Cook' })], false]), { people: [of(anna, 'änne'), { ...of(boris, 'Boris', { city: 'Bremen' }), title: 'Cook' }], more: false }, 'the first has the word, the others complete it')
  t.same(merge(1, [[of(boris, 'B')], false], [[of(anna, 'A')], false]), { people: [of(anna, 'A')], more: true })
  t.same(merge(1, [[of(anna, 'A')], false], [[of('Anna@nordwind.example', 'Ä')], false]), { people: [of(anna, 'A')], more: false })
  t.same(merge(1, [[], false], [[], true]), { people: [], more: true })
})

t.test('8.2: the answer has every attribute of every row', async (t) => {
  const row = (attributes: string): string => `<m:row ${attributes}/>`
  const wrap = (more: boolean, rows: readonly string[]): string => `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip"><e:Body>
    <m:directorySearch><m:moreAvailable>${more}</m:moreAvailable><m:returned>${rows.length}</m:returned><m:value m:href="#rows"/></m:directorySearch><m:Array m:id="rows">${rows.join('')}</m:Array></e:Body></e:Envelope>`
  const bare = row(`m:uri="sip:${anna}" m:displayName="Anna" m:title="" m:office="" m:phone="" m:company="" m:city="" m:state="" m:country="" m:email=""`)
  const full = row('m:uri="sip:o%7Cb@nordwind.example" m:displayName="&lt;&amp;&quot;" m:title="a b" m:office="b" m:phone="c" m:company="d" m:city="e" m:state="f" m:country="g" m:email="h"')
  const people = [{ user: anna, displayName: 'Anna' }, { user: 'o|b@nordwind.example', displayName: '<&"\u0000', title: 'a\n b', office: 'b', phone: 'c', company: 'd', city: 'e', state: 'f', country: 'g', email: 'h' }]
  t.same(...documents(writeDirectoryAnswer({ people, more: true }, 10_000), wrap(true, [bare, full])))
  t.same(...documents(writeDirectoryAnswer({ people: [], more: false }, 10_000), wrap(false, [])))
  t.same(...documents(writeDirectoryAnswer({ people, more: false }, 200), wrap(true, [bare])), 'what does not fit is more that is available')
})

t.test('3.1.5.4: the fault of each status', async (t) => {
  for (const [name, code] of [
    ['bodyNotXml', 'Client.BadCall'], ['bodyNotValid', 'Client.BadCall'], ['bodyMissing', 'Client.BadCall'], ['searchDomainUnknown', 'Client.BadCall'], ['searchExtension', 'Client.BadCall'], ['searchBusy', 'Server.Unavailable.Busy'],
    ['searcherNotUser', 'Client.NotAuthorized.UserSearch'], ['searchForbidden', 'Client.NotAuthorized.UserSearch'], ['fromIsNotTo', 'Client.NotAuthorized.UserSearch'], ['searchFailed', 'Server.UnknownError'],
  ] as const) {
    const { name: kept, detail, body } = withSearchFault(failure(name, 'where'))
    t.same([kept, detail, body?.type], [name, 'where', 'application/SOAP+xml'])
    t.same(...documents(body?.text ?? '', `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><Faultcode>${code}</Faultcode></e:Fault></e:Body></e:Envelope>`))
  }
})
