import t from 'tap'
import { attributeMap, attributesOf, defaultMaps, fedProperties, mappedProperties, type LdapKind } from '../../src/core/ldap/attribute-map.ts'
import { changedSince, readChangeTime } from '../../src/core/ldap/change-time.ts'
import { compareFed, mayRemove, type StoredPerson } from '../../src/core/ldap/compare-feed.ts'
import { hasAddress, hasAddressOf, namesSomebody, termFilter } from '../../src/core/ldap/filter.ts'
import { readAddresses, readPerson, type LdapEntry } from '../../src/core/ldap/read-person.ts'
import { encodeFilter, withUserFilter } from '../../src/ldap/ldap-filter.ts'
import { ldapSettings } from '../../src/config/ldap.ts'
import { UserBody } from '../../src/http/admin/schemas.ts'

const entry = (attributes: Readonly<Record<string, string | readonly string[]>>): LdapEntry => new Map(Object.entries(attributes).map(([name, values]) => [name.toLowerCase(), [values].flat()]))

const filterOf = (kind: LdapKind, attribute: string, value: string, changes = {}): string | undefined => {
  const filter = termFilter({ attribute, value }, { kind, map: attributeMap(kind, changes) })
  return filter === undefined ? undefined : encodeFilter(filter).toString()
}

t.test('one condition, on either kind of server', async (t) => {
  for (const [attribute, value, generic, activeDirectory] of [
    ['givenname', 'Ann', '(givenName=Ann*)', '(givenName=Ann*)'],
    ['displayname', 'Ann', '(|(displayName=Ann*)(cn=Ann*))', '(|(displayName=Ann*)(cn=Ann*))'],
    ['company', 'N', '(|(o=N*)(company=N*))', '(company=N*)'],
    ['o', 'N', '(o=N*)', undefined],
    ['wwwhomepage', 'h', '(|(labeledURI=h*)(wwwhomepage=h*))', '(wWWHomePage=h*)'],
    ['samaccountname', 'a', '(samaccountname=a*)', '(samaccountname=a*)'],
    ['mail', 'a(b', '(mail=a\\28b*)', '(mail=a\\28b*)'],
    ['uid', 'ä*\\', '(uid=ä\\2a\\5c*)', '(uid=ä\\2a\\5c*)'],
    ['anr', 'Ann', '(|(cn=Ann*)(displayName=Ann*)(givenName=Ann*)(sn=Ann*)(mail=Ann*)(uid=Ann*))', '(anr=Ann)'],
    ['anr', ' Ann  de Berg ', '(|(cn= Ann  de Berg *)(displayName= Ann  de Berg *)(givenName= Ann  de Berg *)(sn= Ann  de Berg *)(mail= Ann  de Berg *)(uid= Ann  de Berg *)(&(givenName=Ann*)(sn=de Berg*))(&(givenName=de Berg*)(sn=Ann*)))', '(anr= Ann  de Berg )'],
    ['msrtcuri', 'sip:ann@n', '(|(mail=ann@n*)(mail=sip:ann@n*))',
      '(|(msRTCSIP-PrimaryUserAddress=ann@n*)(msRTCSIP-PrimaryUserAddress=sip:ann@n*)(mail=ann@n*)(mail=sip:ann@n*)(msRTCSIP-SecondaryUserAddress=ann@n*)(msRTCSIP-SecondaryUserAddress=sip:ann@n*))'],
    ['msrtcuri', 'sip:', '(|(mail=*)(mail=sip:*))', '(|(msRTCSIP-PrimaryUserAddress=*)(msRTCSIP-PrimaryUserAddress=sip:*)(mail=*)(mail=sip:*)(msRTCSIP-SecondaryUserAddress=*)(msRTCSIP-SecondaryUserAddress=sip:*))'],
    ['msrtcmail', 'ann@n', '(mail=ann@n*)', '(|(mail=ann@n*)(proxyAddresses=smtp:ann@n*))'],
    ['userpassword', 'a', undefined, undefined], ['objectclass', 'p', undefined, undefined], ['memberof', 'cn=admins', undefined, undefined], ['cn;binary', 'a', undefined, undefined], ['', 'a', undefined, undefined],
  ] as const) {
    t.equal(filterOf('generic', attribute, value), generic, `generic ${attribute}`)
    t.equal(filterOf('activeDirectory', attribute, value), activeDirectory, `activeDirectory ${attribute}`)
  }
  t.equal(filterOf('generic', 'department', 'x', { department: [] }), '(department=x*)', 'what is not mapped is searched by its own name')
  t.equal(filterOf('generic', 'costcentre', 'x', { department: ['costCentre'] }), '(costcentre=x*)', 'what the operator maps is searched, too')
})

t.test('what holds for all: an address, the operator\'s filter, those who are named', async (t) => {
  const map = attributeMap('activeDirectory')
  t.equal(withUserFilter('(&(objectClass=user)(!(ou=x)))', [hasAddress(map), { equal: 'cn', value: 'a)(b' }]).toString(), '(&(&(objectClass=user)(!(ou=x)))(|(msRTCSIP-PrimaryUserAddress=*)(mail=*))(cn=a\\29\\28b))')
  t.equal(encodeFilter(hasAddressOf(['a@n.example', "o'b@n.example"], attributeMap('generic'))).toString(), "(|(mail=a@n.example)(mail=sip:a@n.example)(mail=o'b@n.example)(mail=sip:o'b@n.example))")
  for (const [value, names] of [['a', true], ['ä', true], ['1', true], ['*', true], ['安', true], ['⚓', true], [' a', true], ['', false], [' ', false], ['\u00a0', false], ['\u00ad', false], ['\u200b\u200d', false], ['\u0301', false], ['a\u0000', false], ['a\nb', false]] as const) {
    t.equal(namesSomebody({ attribute: 'cn', value }), names, JSON.stringify(value))
  }
})

t.test('an entry as a user: the first attribute with a value counts, texts are on one line and not too long', async (t) => {
  const map = attributeMap('generic')
  t.strictSame(readPerson(entry({ CN: 'A', displayName: ' ', sn: ['B', 'C'], description: 'x\r\n y\u0000', labeledURI: 'http://a b c', roomNumber: '7', title: 't'.repeat(600), jpegPhoto: 'x' }), map, 'a@n.example'),
    { user: 'a@n.example', displayName: 'A', properties: { surname: 'B', title: 't'.repeat(512), office: '7', url: 'http://a', description: 'x y' } })
  t.strictSame(readPerson(entry({}), map, 'a@n.example'), { user: 'a@n.example', displayName: 'a@n.example', properties: {} })
  t.equal([...readPerson(entry({ cn: '⚓'.repeat(300) }), map, 'a@n.example').displayName].length, 256)
  for (const [attributes, users] of [
    [{ mail: 'Anna@Nordwind.Example' }, ['anna@nordwind.example']], [{ mail: [' a@x.example ', 'b@y.example', 'A@x.example'] }, ['a@x.example', 'b@y.example']], [{ 'msRTCSIP-PrimaryUserAddress': 'SIP:Anna@n.example', mail: 'a@m.example' }, ['anna@n.example', 'a@m.example']],
    [{ mail: ['no address', '@n.example', 'a@', 'smtp:a@n.example', 'a b@n.example', 'a@n.example;x=y@z'] }, ['a@n.example']], [{ cn: 'a@n.example' }, []],
  ] as const) t.strictSame(readAddresses(entry(attributes), attributeMap('activeDirectory')), users, JSON.stringify(attributes))
})

t.test('maps: every field of the admin API, the same in the setting, and what is empty is not LDAP\'s', async (t) => {
  const fields = ['address', 'displayName', ...fedProperties].sort()
  t.strictSame(Object.keys(ldapSettings.ldapAttributes.properties).sort(), fields)
  t.strictSame(['address', ...Object.keys(UserBody.properties)].sort(), fields)
  for (const map of Object.values(defaultMaps)) t.strictSame(Object.keys(map).sort(), fields)
  const map = attributeMap('generic', { phone: [], fax: ['faxNumber', 'mail'], voiceMail: ['vm'] })
  t.notOk(mappedProperties(map).has('phone'))
  t.ok(mappedProperties(map).has('voiceMail'))
  t.equal(attributesOf(map).filter((name) => name === 'mail').length, 1)
  t.notOk(attributesOf(map).includes('telephoneNumber'))
})

t.test('compared with what is stored: nothing to do, or the user as it must be', async (t) => {
  const mapped = new Set(['phone', 'city'])
  const person = { user: 'a@n.example', displayName: 'A', properties: { phone: '1', title: 'not mapped' } }
  const stored = (more: Partial<StoredPerson> = {}): StoredPerson => ({ displayName: 'A', properties: { phone: '1', fax: '2' }, fed: true, ...more })
  for (const [name, before, after] of [
    ['new', undefined, { displayName: 'A', properties: { phone: '1' } }],
    ['the same', stored(), undefined],
    ['found for the first time', stored({ fed: false }), { displayName: 'A', properties: { phone: '1', fax: '2' } }],
    ['another name', stored({ displayName: 'B' }), { displayName: 'A', properties: { phone: '1', fax: '2' } }],
    ['another value', stored({ properties: { phone: '3' } }), { displayName: 'A', properties: { phone: '1' } }],
    ['one that the directory no longer has', stored({ properties: { phone: '1', city: 'Kiel', fax: '2' } }), { displayName: 'A', properties: { phone: '1', fax: '2' } }],
    ['one that the operator has taken away', stored({ properties: { fax: '2' } }), { displayName: 'A', properties: { phone: '1', fax: '2' } }],
  ] as const) t.strictSame(compareFed(person, before, mapped), after, name)
  for (const [gone, fed, percent, may] of [[1, 1, 1, true], [1, 3, 5, true], [2, 30, 5, false], [5, 100, 5, true], [6, 100, 5, false], [6, 119, 5, false], [6, 120, 5, true], [100, 100, 100, true]] as const) {
    t.equal(mayRemove(gone, fed, percent), may, `${gone} of ${fed}, ${percent} %`)
  }
})

t.test('when an entry changed, and those that changed since', async (t) => {
  for (const [text, at] of [['20261121151752Z', '2026-11-21T15:17:52Z'], ['20261121151752.0Z', '2026-11-21T15:17:52Z'], ['20261121151752.123456Z', '2026-11-21T15:17:52Z'], ['20261121151752+0100', undefined], ['2026', undefined], ['', undefined]] as const) {
    t.equal(readChangeTime(entry({ modifyTimestamp: text }), 'generic'), at === undefined ? undefined : Date.parse(at), text)
  }
  t.equal(readChangeTime(entry({ whenChanged: '20260101000000.0Z' }), 'activeDirectory'), Date.parse('2026-01-01T00:00:00Z'))
  t.equal(readChangeTime(entry({ modifyTimestamp: '20260101000000Z' }), 'activeDirectory'), undefined)
  t.equal(encodeFilter(changedSince(Date.parse('2026-11-21T15:17:52Z'), 'generic')).toString(), '(modifyTimestamp>=20261121151747.0Z)')
  t.equal(encodeFilter(changedSince(Date.parse('2026-11-21T15:17:52Z'), 'activeDirectory')).toString(), '(whenChanged>=20261121150752.0Z)')
})
