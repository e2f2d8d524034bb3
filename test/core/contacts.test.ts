import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { failureEntry, type FailureName } from '../../src/core/base/failure.ts'
import type { Result } from '../../src/core/base/result.ts'
import { decideContactAction, type ContactLimits } from '../../src/core/contacts/change-contacts.ts'
import { compareContactLists, type ContactContent } from '../../src/core/contacts/compare-lists.ts'
import { decideContactImport } from '../../src/core/contacts/import-contacts.ts'
import { writeContactDelta, writeContactList } from '../../src/core/documents/contact-list.ts'
import { contactGroups, newContactList, type Contact, type ContactChange, type ContactGroup, type ContactList, type ContactOutcome } from '../../src/core/model/contact.ts'
import { contactActionNames, readContactAction, type ContactAction } from '../../src/core/requests/contact-actions.ts'
import { readFragment } from '../../src/core/requests/fragment.ts'
import { readSoap } from '../../src/core/requests/soap.ts'
import { mediaTypes } from '../../src/core/sip/media-types.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { escapeXml, writeVerbatimContent } from '../../src/core/xml/write.ts'
import { anna, boris, bytes, clara, compact, documents, must, readIndependently, verdict, type Infoset } from './support.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const SIP = 'http://schemas.microsoft.com/winrtc/2002/11/sip'
const envelope = (content: string): Buffer => bytes(`<s:Envelope xmlns:s="${SOAP}" xmlns:m="${SIP}"><s:Body>${content}</s:Body></s:Envelope>`)
const action = (name: string, fields: Readonly<Record<string, string | undefined>>): string =>
  `<m:${name}>${Object.entries(fields).map(([field, text]) => (text === undefined ? '' : `<m:${field}>${text}</m:${field}>`)).join('')}</m:${name}>`
const read = (body: Buffer): Result<ContactAction> => {
  const soap = readSoap(body)
  return soap.ok ? readContactAction(soap.value) : soap
}
const say = (name: string, fields: Readonly<Record<string, string | undefined>>): Result<ContactAction> => read(envelope(action(name, fields)))

const contact = (over: Partial<Contact> = {}): Contact => ({ user: boris, displayName: 'Boris', groups: [1], subscribed: true, externalUri: '', extension: '', ...over })
const group = (id: number, name = `group ${id}`, externalUri = ''): ContactGroup => ({ id, name, externalUri })
const list = (over: Partial<ContactList> = {}): ContactList => ({ ...newContactList, deltaNum: 12, ...over })
const limits: ContactLimits = { maxContacts: 250, maxGroups: 64 }
const decide = (asked: Result<ContactAction>, before: ContactList, over: Partial<ContactLimits> = {}): Result<ContactOutcome> => (asked.ok ? decideContactAction(asked.value, before, { ...limits, ...over }) : asked)
const changesOf = (decided: Result<ContactOutcome>): readonly ContactChange[] => must(decided).deltas.map(({ change }) => change)

t.test('MS-OCER: statuses and codes of refusals', async (t) => {
  const expected: Readonly<Partial<Record<FailureName, readonly [status: number, code: number | undefined]>>> = {
    contactsConflict: [409, undefined], contactNotFound: [404, 2001], groupNotFound: [404, 2002], contactsExceeded: [403, 2007], groupsExceeded: [403, 2008], contactExtensionTooLarge: [403, 2009], duplicateGroup: [409, 2015], defaultGroupFixed: [403, undefined], contactNotValid: [400, undefined],
  }
  for (const [name, pair] of Object.entries(expected)) t.same([failureEntry(name as FailureName).status, failureEntry(name as FailureName).diagnostics?.id], pair, name)
})

t.test('MS-SIP 4.6: the envelope', async (t) => {
  const good = action('deleteGroup', { groupID: '2' })
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest request', envelope(good), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('deleteGroup'), 'bodyNotXml'], ['no envelope', bytes(`<m:deleteGroup xmlns:m="${SIP}"/>`), 'bodyNotValid'], ['SOAP 1.2', bytes(`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body>${good.replaceAll('m:', '')}</Body></Envelope>`), 'bodyNotValid'],
    ['no Body', bytes(`<Envelope xmlns="${SOAP}"/>`), 'bodyNotValid'], ['an empty Body', envelope(''), 'bodyNotValid'], ['two Bodies', bytes(`<s:Envelope xmlns:s="${SOAP}" xmlns:m="${SIP}"><s:Body>${good}</s:Body><s:Body>${good}</s:Body></s:Envelope>`), 'bodyNotValid'], ['a Body of no namespace', bytes(`<s:Envelope xmlns:s="${SOAP}" xmlns:m="${SIP}"><Body>${good}</Body></s:Envelope>`), 'bodyNotValid'],
    ['an action of no namespace', envelope('<deleteGroup><m:groupID>2</m:groupID></deleteGroup>'), 'bodyNotValid'], ['an action of another one', envelope('<deleteGroup xmlns="urn:x"><m:groupID>2</m:groupID></deleteGroup>'), 'bodyNotValid'], ['an unknown action', envelope(action('setGroup', { groupID: '2', name: 'x' })), 'bodyNotValid'], ['two actions', envelope(good + good), 'bodyNotValid'], ['something else beside the action', envelope(`${good}<m:Array/>`), 'bodyNotValid'],
    ['a header, no prefixes, blanks', bytes(`<?xml version="1.0"?>\r\n<Envelope xmlns="${SOAP}">\n<Header><x xmlns="urn:x"/></Header>\n<Body>\n<deleteGroup xmlns="${SIP}">\n<groupID> 2 </groupID>\n</deleteGroup></Body></Envelope>`), 'ok'],
    ['a DOCTYPE', bytes(`<!DOCTYPE x>${envelope(good).toString()}`), 'bodyNotXml'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(read(body)), expected, name)
  const search = must(readSoap(envelope('<m:directorySearch/><m:Array/>')))
  t.same([search.name, search.beside.map(({ local }) => local)], ['directorySearch', ['Array']], 'MS-PRES 2.2.1: other actions have company')
  t.same(contactActionNames, ['setContact', 'deleteContact', 'addGroup', 'modifyGroup', 'deleteGroup'])
})

const full = { displayName: 'Boris', groups: '1', subscribed: 'true', URI: `sip:${boris}`, externalURI: '', deltaNum: '12' }
const within = (bytes: number, unit = 'x'): string => unit.repeat(bytes / Buffer.byteLength(unit))

t.test('MS-SIP 9.2 to 9.5: what is a valid action', async (t) => {
  const sized = (size: number): string => `<x>${within(size - 7)}</x>`
  const cases: readonly (readonly [name: string, action: string, fields: Readonly<Record<string, string | undefined>>, verdict: string])[] = [
    ...['displayName', 'groups', 'URI'].map((field) => [`no ${field}`, 'setContact', { ...full, [field]: undefined }, 'bodyNotValid'] as const), ...['subscribed', 'externalURI', 'deltaNum'].map((field) => [`${field} may be missing`, 'setContact', { ...full, [field]: undefined }, 'ok'] as const),
    ...Object.keys(full).map((field) => [`elements in ${field}`, 'setContact', { ...full, [field]: '<m:x/>' }, 'bodyNotValid'] as const),
    ...['-1', '1.5', 'x', '', '4294967296'].map((deltaNum) => [`deltaNum "${deltaNum}"`, 'setContact', { ...full, deltaNum }, 'bodyNotValid'] as const), ['the highest deltaNum', 'setContact', { ...full, deltaNum: '4294967295' }, 'ok'],
    ...['', ' ', '1 2', '1  2 ', '\n64\t1', '0'].map((groups) => [`groups "${groups}"`, 'setContact', { ...full, groups }, 'ok'] as const), ...['65', '1,2', '-1', 'one'].map((groups) => [`groups "${groups}"`, 'setContact', { ...full, groups }, 'bodyNotValid'] as const),
    ...['true', 'false', '1', '0', ' true '].map((subscribed) => [`subscribed "${subscribed}"`, 'setContact', { ...full, subscribed }, 'ok'] as const), ...['yes', 'True', ''].map((subscribed) => [`subscribed "${subscribed}"`, 'setContact', { ...full, subscribed }, 'bodyNotValid'] as const),
    ...[boris, ` sip:${boris} `, '+4930123456@nordwind.example', `sips:${boris}`].map((URI) => [`URI "${URI}"`, 'setContact', { ...full, URI }, 'ok'] as const), ...['', 'boris', 'nordwind.example', 'tel:+4930123456', `mailto:${boris}`, 'boris@', 'bo ris@nordwind.example'].map((URI) => [`URI "${URI}"`, 'setContact', { ...full, URI }, 'bodyNotValid'] as const),
    ['a URI of 454', 'setContact', { ...full, URI: `sip:${'b'.repeat(434)}@nordwind.example` }, 'contactNotValid'], ['a URI of 454 with its scheme', 'setContact', { ...full, URI: `${'b'.repeat(433)}@nordwind.example` }, 'ok'],
    ['a name of 256 bytes', 'setContact', { ...full, displayName: within(256, '\u00e4') }, 'ok'], ['a name of 257', 'setContact', { ...full, displayName: `${within(256, '\u00e4')}x` }, 'contactNotValid'], ['no name', 'setContact', { ...full, displayName: '' }, 'ok'],
    ['an externalURI of 1024', 'setContact', { ...full, externalURI: within(1024) }, 'ok'], ['an externalURI of 1025', 'setContact', { ...full, externalURI: within(1025) }, 'contactNotValid'],
    ['an extension of 1024', 'setContact', { ...full, contactExtension: sized(1024) }, 'ok'], ['an extension of 1025', 'setContact', { ...full, contactExtension: sized(1025) }, 'contactExtensionTooLarge'],
    ['only the URI', 'deleteContact', { URI: boris }, 'ok'], ['no URI', 'deleteContact', { deltaNum: '1' }, 'bodyNotValid'],
    ['only the name', 'addGroup', { name: 'x' }, 'ok'], ['no name', 'addGroup', {}, 'bodyNotValid'], ['an empty name', 'addGroup', { name: '' }, 'contactNotValid'], ['a blank name', 'addGroup', { name: ' \t' }, 'contactNotValid'], ['a name of 256', 'addGroup', { name: within(256) }, 'ok'], ['a name of 257', 'addGroup', { name: within(257) }, 'contactNotValid'], ['an externalURI of 1025', 'addGroup', { name: 'x', externalURI: within(1025) }, 'contactNotValid'],
    ['9.3: an id of the client', 'addGroup', { groupID: '7', name: 'x' }, 'ok'], ['id and name', 'modifyGroup', { groupID: '2', name: 'x' }, 'ok'], ['no id', 'modifyGroup', { name: 'x' }, 'bodyNotValid'], ['no name', 'modifyGroup', { groupID: '2' }, 'bodyNotValid'], ['an empty name', 'modifyGroup', { groupID: '2', name: '' }, 'contactNotValid'],
    ['id 64', 'deleteGroup', { groupID: '64' }, 'ok'], ['id 65', 'deleteGroup', { groupID: '65' }, 'bodyNotValid'], ['no id', 'deleteGroup', {}, 'bodyNotValid'], ['id x', 'deleteGroup', { groupID: 'x' }, 'bodyNotValid'],
  ]
  for (const [name, asked, fields, expected] of cases) t.equal(verdict(say(asked, fields)), expected, `${asked}: ${name}`)
  t.equal(verdict(read(envelope(action('deleteContact', { URI: boris }).replace('</m:deleteContact>', `<m:URI>${clara}</m:URI></m:deleteContact>`)))), 'bodyNotValid', 'a field comes once')
})

t.test('MS-SIP 2.2.4.2: what an action says', async (t) => {
  t.same(must(read(envelope(`<m:setContact><m:deltaNum>7</m:deltaNum><m:subscribed>0</m:subscribed><x xmlns="urn:x"/><URI>other</URI><m:groups> 3  1 3 0 </m:groups><m:contactExtension><a/></m:contactExtension><m:externalURI>\n ldap://x </m:externalURI><m:URI>SIP:B%6fris@Nordwind.Example;user=phone</m:URI><m:displayName> B &amp; C </m:displayName></m:setContact>`))),
    { kind: 'setContact', user: boris.replace('b', 'B'), displayName: ' B & C ', groups: [3, 1], subscribed: false, externalUri: 'ldap://x', extension: '<a/>', deltaNum: 7 }, 'children in any order; the user part keeps its letters, the host does not')
  t.same(must(say('setContact', { displayName: '', groups: '', URI: boris })), { kind: 'setContact', user: boris, displayName: '', groups: [], subscribed: true, externalUri: undefined, extension: undefined, deltaNum: undefined }, 'what is left out')
  t.same(must(say('deleteContact', { URI: `sip:${clara}`, deltaNum: '3' })), { kind: 'deleteContact', user: clara, deltaNum: 3 })
  t.same(must(say('addGroup', { groupID: '9', name: 'Team', externalURI: 'x', deltaNum: '0' })), { kind: 'addGroup', name: 'Team', externalUri: 'x', deltaNum: 0 })
  t.same(must(say('modifyGroup', { groupID: '2', name: 'Crew' })), { kind: 'modifyGroup', id: 2, name: 'Crew', externalUri: undefined, deltaNum: undefined })
  t.same(must(say('deleteGroup', { groupID: '+2', deltaNum: ' 5 ' })), { kind: 'deleteGroup', id: 2, deltaNum: 5 })
})

t.test('MS-SIP 9.1: an extension is any XML, kept as it is', async (t) => {
  const settings = '<contactSettings contactId="7"><tagging/></contactSettings>\n<phone><uri>tel:+4930123456</uri></phone>'
  const cases: readonly (readonly [name: string, document: string, content: string])[] = [
    ['several elements, no namespace in scope', `<m:e xmlns:m="urn:m">${settings}</m:e>`, settings], ['its own namespaces', '<e><a xmlns="urn:a" xmlns:p="urn:p"><p:b/></a></e>', '<a xmlns="urn:a" xmlns:p="urn:p"><p:b/></a>'],
    ['a default around', '<e xmlns="urn:d"><a><b/></a><c xmlns=""/></e>', '<a xmlns="urn:d"><b/></a><c xmlns=""/>'], ['a prefix around', '<e xmlns:p="urn:p"><p:a/><b/></e>', '<p:a xmlns:p="urn:p"/><b/>'], ['text, references, comments, CDATA', '<e>1 &lt;<!-- </e> --><![CDATA[</e>]]><a/> 2</e >', '1 &lt;<!-- </e> --><![CDATA[</e>]]><a/> 2'],
    ['> in an attribute of the start tag', '<e a=">" b=\'">\'><a/></e>', '<a/>'], ['nothing', '<e></e>', ''], ['an empty element', '<e a=">"/>', ''], ['blanks only', '<e> \n </e>', ''], ['inside others', '<r><e>x</e><e/></r>', 'x'],
  ]
  for (const [name, document, content] of cases) {
    const { root, source } = must(parseXml(bytes(document)))
    t.equal(writeVerbatimContent(source, root.local === 'r' ? root.children[0] ?? root : root), content, name)
  }
  t.equal(verdict(say('setContact', { ...full, contactExtension: `<a xmlns:p="${within(1000)}"/>` })), 'contactExtensionTooLarge', 'declarations count')
  const many = `<s:Envelope xmlns:s="${SOAP}"><s:Body><setContact xmlns="${SIP}"><displayName/><groups/><URI>${boris}</URI><contactExtension>${'<a/>'.repeat(50)}</contactExtension></setContact></s:Body></s:Envelope>`
  t.equal(verdict(read(bytes(many))), 'contactExtensionTooLarge', 'what is stored counts, with the namespaces that had to be repeated')
  const fragments: readonly (readonly [text: string, result: string])[] = [
    [settings, settings], ['', ''], [' ', ''], ['plain text', 'plain text'], ['</content><content>', 'bodyNotXml'], ['</content><!--', 'bodyNotXml'], ['</content><?x ', 'bodyNotXml'], ['<!--', 'bodyNotXml'], ['<a>', 'bodyNotXml'], ['<p:a/>', 'bodyNotXml'], ['&x;', 'bodyNotXml'], ['<?xml version="1.0"?>', 'bodyNotXml'], ['\u0001', 'bodyNotXml'], ['a\ud800', 'a\ufffd'],
  ]
  for (const [text, expected] of fragments) {
    const result = readFragment(text)
    t.equal(result.ok ? result.value : verdict(result), expected, `fragment ${JSON.stringify(text)}`)
  }
})

t.test('MS-SIP 3.7.1: every change names the current number, or none', async (t) => {
  const before = list({ groups: [...newContactList.groups, group(2)], contacts: [contact()] })
  const asked: readonly (readonly [string, Readonly<Record<string, string>>])[] = [['setContact', full], ['deleteContact', { URI: boris }], ['addGroup', { name: 'x' }], ['modifyGroup', { groupID: '2', name: 'x' }], ['deleteGroup', { groupID: '2' }]]
  for (const [name, fields] of asked) {
    for (const [deltaNum, expected] of [['12', 'ok'], [undefined, 'ok'], ['11', 'contactsConflict'], ['13', 'contactsConflict'], ['0', 'contactsConflict']] as const) t.equal(verdict(decide(say(name, { ...fields, deltaNum }), before)), expected, `${name} with ${deltaNum}`)
  }
  const stale = decide(say('deleteContact', { URI: clara, deltaNum: '11' }), before)
  t.equal(verdict(stale), 'contactsConflict', 'a list that one does not know says nothing about what is missing')
  t.equal(stale.ok ? '' : stale.failure.body?.type, mediaTypes.fault)
  t.same(...documents((stale.ok ? undefined : stale.failure.body?.text) ?? '', '<Fault><Faultcode>Client.BadCall.WrongDelta</Faultcode><details><operation index="1" version="11" curVersion="12"/></details></Fault>'))
})

t.test('MS-SIP 3.7.4.3: contacts', async (t) => {
  const before = list({ groups: [...newContactList.groups, group(2), group(4)], contacts: [contact({ groups: [2], externalUri: 'ldap://x', extension: '<a/>' }), contact({ user: anna })] })
  const set = (over: Readonly<Record<string, string | undefined>>, max = 250): Result<ContactOutcome> => decide(say('setContact', { ...full, deltaNum: undefined, ...over }), before, { maxContacts: max })
  const cases: readonly (readonly [name: string, fields: Readonly<Record<string, string | undefined>>, change: ContactChange])[] = [
    ['a new one', { URI: clara, groups: '4 2' }, { kind: 'addedContact', contact: contact({ user: clara, groups: [2, 4] }) }], ['no group is the default group', { URI: clara, groups: '' }, { kind: 'addedContact', contact: contact({ user: clara }) }], ['group 0 is none', { URI: clara, groups: '0' }, { kind: 'addedContact', contact: contact({ user: clara }) }],
    ['left out is nothing for a new one', { URI: clara, externalURI: undefined }, { kind: 'addedContact', contact: contact({ user: clara }) }], ['oneself', { URI: `sip:${anna}`, displayName: 'me' }, { kind: 'modifiedContact', contact: contact({ user: anna, displayName: 'me' }) }],
    ['everything anew', { displayName: '', groups: '', subscribed: 'false', contactExtension: '<b/>' }, { kind: 'modifiedContact', contact: contact({ displayName: '', subscribed: false, extension: '<b/>' }) }], ['left out stays', { externalURI: undefined, groups: '2' }, { kind: 'modifiedContact', contact: contact({ groups: [2], externalUri: 'ldap://x', extension: '<a/>' }) }],
    ['empty is empty', { groups: '2', contactExtension: '' }, { kind: 'modifiedContact', contact: contact({ groups: [2] }) }], ['nothing new counts and is told', { URI: anna }, { kind: 'modifiedContact', contact: contact({ user: anna }) }], ['users are told apart by letters', { URI: 'Boris@nordwind.example' }, { kind: 'addedContact', contact: contact({ user: 'Boris@nordwind.example' }) }], ['hosts are not', { URI: 'boris@NORDWIND.example', groups: '2', contactExtension: '' }, { kind: 'modifiedContact', contact: contact({ groups: [2] }) }],
  ]
  for (const [name, fields, change] of cases) t.same(changesOf(set(fields)), [change], name)
  t.same(must(set({ URI: clara })).list.contacts.map(({ user }) => user), [boris, anna, clara])
  t.same(must(set({ displayName: 'B', externalURI: undefined })).list, { ...before, deltaNum: 13, contacts: [contact({ displayName: 'B', externalUri: 'ldap://x', extension: '<a/>' }), contact({ user: anna })] }, 'a modified one keeps its place')
  t.equal(verdict(set({ groups: '2 3' })), 'groupNotFound')
  t.same([verdict(set({ URI: clara }, 2)), verdict(set({ URI: clara }, 3)), verdict(set({}, 0))], ['contactsExceeded', 'ok', 'ok'], '2007: only a new one can be too many')
  t.equal(must(set({})).answer, undefined, 'the 200 has no body')
  t.same(must(decide(say('deleteContact', { URI: boris }), before)), { list: { ...before, deltaNum: 13, contacts: [contact({ user: anna })] }, deltas: [{ prevDeltaNum: 12, deltaNum: 13, change: { kind: 'deletedContact', user: boris } }] })
  t.equal(verdict(decide(say('deleteContact', { URI: clara }), before)), 'contactNotFound')
})

t.test('MS-SIP 3.7.4.4: groups', async (t) => {
  const before = list({ groups: [...newContactList.groups, group(2, 'Team'), group(4, 'Kunden', 'ldap://k')], contacts: [contact({ groups: [1, 4] }), contact({ user: anna, groups: [2] }), contact({ user: clara, groups: [2, 4] })] })
  const many = (count: number): ContactList => list({ groups: Array.from({ length: count }, (_, at) => (at === 0 ? group(1, '~') : group(at + 1))) })
  const added = must(decide(say('addGroup', { name: 'Chor', externalURI: 'x', deltaNum: '12' }), before))
  t.same(added.deltas, [{ prevDeltaNum: 12, deltaNum: 13, change: { kind: 'addedGroup', group: group(3, 'Chor', 'x') } }], 'the smallest free number')
  t.same(added.list.groups.map(({ id }) => id), [1, 2, 3, 4])
  t.equal(added.answer?.type, 'application/SOAP+xml')
  t.same(...documents(added.answer?.text ?? '', `<e:Envelope xmlns:e="${SOAP}"><e:Body><addGroup xmlns="${SIP}"><groupID>3</groupID></addGroup></e:Body></e:Envelope>`), 'MS-SIP 4.8')
  t.same(changesOf(decide(say('addGroup', { name: 'x' }), list())), [{ kind: 'addedGroup', group: group(2, 'x') }], 'the first one')
  t.same(changesOf(decide(say('addGroup', { name: 'x' }), many(62))), [{ kind: 'addedGroup', group: group(63, 'x') }], 'the last one')
  const names: readonly (readonly [name: string, verdict: string])[] = [['Team', 'duplicateGroup'], ['~', 'duplicateGroup'], ['team', 'ok'], ['Team ', 'ok'], ['~x', 'ok']]
  for (const [name, expected] of names) t.equal(verdict(decide(say('addGroup', { name }), before)), expected, `2015: ${name}`)
  t.same([verdict(decide(say('addGroup', { name: 'x' }), many(63))), verdict(decide(say('addGroup', { name: 'x' }), before, { maxGroups: 3 })), verdict(decide(say('addGroup', { name: 'x' }), before, { maxGroups: 4 }))], ['groupsExceeded', 'groupsExceeded', 'ok'], '2008: the default group counts')
  const modify = (fields: Readonly<Record<string, string>>, from = before): Result<ContactOutcome> => decide(say('modifyGroup', fields), from)
  t.same(changesOf(modify({ groupID: '4', name: 'Gast' })), [{ kind: 'modifiedGroup', group: group(4, 'Gast', 'ldap://k') }], 'an externalURI that is left out stays')
  t.same(changesOf(modify({ groupID: '4', name: 'Kunden', externalURI: '' })), [{ kind: 'modifiedGroup', group: group(4, 'Kunden') }])
  t.same(changesOf(modify({ groupID: '2', name: 'Team' })), [{ kind: 'modifiedGroup', group: group(2, 'Team') }], 'nothing new counts and is told')
  t.same([modify({ groupID: '4', name: 'Team' }), modify({ groupID: '2', name: '~' }), modify({ groupID: '3', name: 'x' }), modify({ groupID: '0', name: 'x' })].map(verdict), ['duplicateGroup', 'duplicateGroup', 'groupNotFound', 'groupNotFound'])
  const renamed = must(modify({ groupID: '1', name: 'Alle' })).list
  t.same(renamed.groups[0], group(1, 'Alle'), 'MS-PRES 4.14.1: the default group may have another name')
  t.same([verdict(decide(say('addGroup', { name: '~' }), renamed)), verdict(modify({ groupID: '2', name: '~' }, renamed)), verdict(modify({ groupID: '1', name: '~' }, renamed)), verdict(decide(say('deleteGroup', { groupID: '1' }), renamed))], ['duplicateGroup', 'duplicateGroup', 'ok', 'defaultGroupFixed'], 'and stays what it is')
  t.equal(verdict(decide(say('deleteGroup', { groupID: '1' }), before)), 'defaultGroupFixed')
  t.equal(verdict(decide(say('deleteGroup', { groupID: '3' }), before)), 'groupNotFound')
  const deleted = must(decide(say('deleteGroup', { groupID: '2', deltaNum: '12' }), before))
  t.same(deleted.deltas, [
    { prevDeltaNum: 12, deltaNum: 13, change: { kind: 'modifiedContact', contact: contact({ user: anna }) } }, { prevDeltaNum: 13, deltaNum: 14, change: { kind: 'modifiedContact', contact: contact({ user: clara, groups: [4] }) } }, { prevDeltaNum: 14, deltaNum: 15, change: { kind: 'deletedGroup', id: 2 } },
  ], 'its contacts leave first, one number each; who has no other group is in the default group')
  t.same(deleted.list, { deltaNum: 15, groups: [group(1, '~'), group(4, 'Kunden', 'ldap://k')], contacts: [contact({ groups: [1, 4] }), contact({ user: anna }), contact({ user: clara, groups: [4] })] })
})

t.test('MS-SIP 3.7.5.2 and 2.2.4.1: the documents', async (t) => {
  const odd = contact({ user: 'ren\u00e9@nordwind.example', displayName: 'B & "C"', groups: [1, 3], subscribed: false, externalUri: 'a<b', extension: '<x y="1"/> &amp;' })
  const held = list({ deltaNum: 685, groups: [...newContactList.groups, group(3, 'A "&"', 'ldap://x')], contacts: [contact({ displayName: '' }), odd] })
  t.equal(writeContactList(held), '<contactList deltaNum="685"><group id="1" name="~" externalURI=""/><group id="3" name="A &quot;&amp;&quot;" externalURI="ldap://x"/>' +
    '<contact uri="boris@nordwind.example" name="" groups="1" subscribed="true" externalURI=""/>' +
    '<contact uri="ren%C3%A9@nordwind.example" name="B &amp; &quot;C&quot;" groups="1 3" subscribed="false" externalURI="a&lt;b"><contactExtension><x y="1"/> &amp;</contactExtension></contact></contactList>', 'no namespace, no sip:, no blank at the end of groups, no ucsMode')
  t.equal(writeContactList(newContactList), '<contactList deltaNum="1"><group id="1" name="~" externalURI=""/></contactList>', 'a new list begins at 1, with its default group')
  const cases: readonly (readonly [change: ContactChange, content: string])[] = [
    [{ kind: 'addedGroup', group: group(3, 'a', 'b') }, '<addedGroup id="3" name="a" externalURI="b"/>'], [{ kind: 'modifiedGroup', group: group(3, 'a') }, '<modifiedGroup id="3" name="a" externalURI=""/>'], [{ kind: 'deletedGroup', id: 3 }, '<deletedGroup id="3"/>'],
    [{ kind: 'addedContact', contact: contact({ groups: [1, 3] }) }, '<addedContact uri="sip:boris@nordwind.example" name="Boris" groups="1 3" subscribed="true" externalURI=""/>'], [{ kind: 'modifiedContact', contact: contact({ extension: '<x/>' }) }, '<modifiedContact uri="sip:boris@nordwind.example" name="Boris" groups="1" subscribed="true" externalURI=""><contactExtension><x/></contactExtension></modifiedContact>'],
    [{ kind: 'deletedContact', user: odd.user }, '<deletedContact uri="sip:ren%C3%A9@nordwind.example"/>'],
  ]
  for (const [change, content] of cases) t.equal(writeContactDelta({ prevDeltaNum: 685, deltaNum: 686, change }), `<contactDelta deltaNum="686" prevDeltaNum="685">${content}</contactDelta>`, change.kind)
})

t.test('golden: MS-SIP 4.6 retold, a contact is added', async (t) => {
  const body = `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}"> <SOAP-ENV:Body> <m:setContact xmlns:m="${SIP}"> <m:displayName>Kollegin 1</m:displayName> <m:groups /> <m:subscribed>true</m:subscribed> <m:URI>sip:clara@suedwind.example</m:URI> <m:externalURI /> <m:deltaNum>12</m:deltaNum> </m:setContact> </SOAP-ENV:Body> </SOAP-ENV:Envelope>`
  const before = list({ contacts: [contact()] })
  const outcome = must(decide(read(bytes(body)), before))
  t.equal(outcome.answer, undefined, 'the 200 has no body')
  t.same(outcome.deltas.map((delta) => writeContactDelta(delta)), ['<contactDelta deltaNum="13" prevDeltaNum="12"><addedContact uri="sip:clara@suedwind.example" name="Kollegin 1" groups="1" subscribed="true" externalURI=""/></contactDelta>'])
  t.same(...documents(writeContactList(outcome.list), `<contactList deltaNum="13" >
    <group id="1" name="~" externalURI=""  />
    <contact uri="boris@nordwind.example" name="Boris" groups="1" subscribed="true" externalURI=""  />
    <contact uri="clara@suedwind.example" name="Kollegin 1" groups="1" subscribed="true" externalURI=""  />
  </contactList>`))
  t.equal(verdict(decide(read(bytes(body)), outcome.list)), 'contactsConflict', 'the same again is stale')
})

/** What a client keeps: read from documents by another parser, told apart by the URI as SIPE does it. */
interface Kept {
  readonly deltaNum: string
  readonly groups: ReadonlyMap<string, string>
  readonly contacts: ReadonlyMap<string, string>
  readonly memberships: ReadonlyMap<string, readonly string[]>
  readonly names: ReadonlyMap<string, string>
}

const at = (node: Infoset, name: string): string => node.attributes.find((text) => text.startsWith(`{}${name}=`))?.slice(name.length + 3) ?? assert.fail(`${node.name} has no ${name}`)
const local = (node: Infoset): string => node.name.replace('{}', '')
const inside = (node: Infoset): string => JSON.stringify([node.attributes.filter((text) => !text.startsWith('{}uri=')), node.children.map(compact)])

const keepGroup = (kept: Kept, node: Infoset): Kept => ({ ...kept, groups: new Map([...kept.groups, [at(node, 'id'), inside(node)]]), names: new Map([...kept.names, [at(node, 'id'), at(node, 'name')]]) })
const keepContact = (kept: Kept, uri: string, node: Infoset): Kept => ({ ...kept, contacts: new Map([...kept.contacts, [uri, inside(node)]]), memberships: new Map([...kept.memberships, [uri, at(node, 'groups').split(' ')]]) })
const without = <T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> => new Map([...map].filter(([other]) => other !== key))

const takeList = (text: string): Kept => {
  const document = readIndependently(text)
  assert.equal(document.name, '{}contactList')
  const empty: Kept = { deltaNum: at(document, 'deltaNum'), groups: new Map(), contacts: new Map(), memberships: new Map(), names: new Map() }
  return document.children.reduce((kept, node) => (local(node) === 'group' ? keepGroup(kept, node) : keepContact(kept, `sip:${at(node, 'uri')}`, node)), empty)
}

const takeChange = (kept: Kept, node: Infoset): Kept => {
  switch (local(node)) {
    case 'addedGroup': assert.ok(!kept.groups.has(at(node, 'id'))); return keepGroup(kept, node)
    case 'modifiedGroup': assert.ok(kept.groups.has(at(node, 'id'))); return keepGroup(kept, node)
    case 'deletedGroup': assert.ok(kept.groups.has(at(node, 'id'))); return { ...kept, groups: without(kept.groups, at(node, 'id')), names: without(kept.names, at(node, 'id')) }
    case 'addedContact': assert.ok(!kept.contacts.has(at(node, 'uri'))); return keepContact(kept, at(node, 'uri'), node)
    case 'modifiedContact': assert.ok(kept.contacts.has(at(node, 'uri'))); return keepContact(kept, at(node, 'uri'), node)
    case 'deletedContact': assert.ok(kept.contacts.has(at(node, 'uri'))); return { ...kept, contacts: without(kept.contacts, at(node, 'uri')), memberships: without(kept.memberships, at(node, 'uri')) }
    default: return assert.fail(node.name)
  }
}

/** Every list that a client ever holds is sound: nobody is nowhere or in a group that is not there, no name comes twice. */
const checkSound = ({ groups, memberships, names }: Kept): void => {
  assert.ok(groups.has('1'))
  for (const [uri, ids] of memberships) for (const id of ids) assert.ok(groups.has(id), `${uri} in ${id}`)
  assert.equal(new Set(names.values()).size, names.size, [...names.values()].join())
}

const takeDelta = (kept: Kept, text: string): Kept => {
  const document = readIndependently(text)
  assert.equal(document.name, '{}contactDelta')
  assert.equal(at(document, 'prevDeltaNum'), kept.deltaNum)
  assert.equal(document.children.length, 1)
  const next = document.children.reduce(takeChange, { ...kept, deltaNum: at(document, 'deltaNum') })
  assert.equal(Number(next.deltaNum), Number(kept.deltaNum) + 1)
  checkSound(next)
  return next
}

const comparable = ({ deltaNum, groups, contacts }: Kept): unknown => ({ deltaNum, groups: [...groups].sort(), contacts: [...contacts].sort() })
const follow = (kept: Kept, { list: after, deltas }: ContactOutcome): Kept => {
  const next = deltas.map((delta) => writeContactDelta(delta)).reduce(takeDelta, kept)
  assert.deepEqual(comparable(next), comparable(takeList(writeContactList(after))))
  return next
}

const users = fc.constantFrom(anna, boris, clara, 'ren\u00e9@nordwind.example', 'Boris@nordwind.example')
const texts = fc.constantFrom('', 'a', 'B & "C"', "'<\u00e4>'")
const names = fc.constantFrom('~', 'a', 'b', 'c', '#2', 'B & "C"', '~x')
const extensions = fc.constantFrom('', '<x/>', '<x xmlns="urn:x"><y>1 &lt;</y></x><z/>')
const ids = fc.constantFrom(0, 1, 2, 2, 3, 3, 4, 5)
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined })
const escaped = (values: fc.Arbitrary<string>): fc.Arbitrary<string> => values.map(escapeXml)

/** Requests as clients write them; deltaNum is put in when they are sent. */
const requests = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('setContact'), fc.record({ URI: users.map((user) => user.replace('\u00e9', '%C3%A9')), displayName: escaped(texts), groups: fc.array(ids, { maxLength: 2 }).map((some) => some.join(' ')), subscribed: maybe(fc.constantFrom('true', 'false')), externalURI: maybe(escaped(texts)), contactExtension: maybe(extensions) })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('deleteContact'), fc.record({ URI: users.map((user) => `sip:${user.replace('\u00e9', '%C3%A9')}`) })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('addGroup'), fc.record({ name: escaped(names), externalURI: maybe(escaped(texts)) })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('modifyGroup'), fc.record({ groupID: ids.map(String), name: escaped(names), externalURI: maybe(escaped(texts)) })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('deleteGroup'), fc.record({ groupID: ids.map(String) })) },
)
const offsets = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, undefined, undefined, -1, 1)

t.test('property: who follows the deltas has the list of the server, after any sequence of requests', async (t) => {
  const seen = new Map<string, number>()
  fc.assert(fc.property(fc.array(fc.tuple(requests, offsets), { minLength: 1, maxLength: 40, size: 'max' }), (sequence) => {
    let current: ContactList = newContactList
    let kept = takeList(writeContactList(current))
    for (const [[name, fields], offset] of sequence) {
      const deltaNum = offset === undefined ? undefined : String(current.deltaNum + offset)
      const decided = decide(say(name, { ...fields, deltaNum }), current, { maxContacts: 3, maxGroups: 4 })
      seen.set(verdict(decided), (seen.get(verdict(decided)) ?? 0) + 1)
      if (offset === -1 || offset === 1) assert.equal(verdict(decided), 'contactsConflict')
      if (!decided.ok) continue
      assert.ok(decided.value.deltas.length > 0, 'an accepted request always counts')
      kept = follow(kept, decided.value)
      current = decided.value.list
      assert.ok(current.contacts.length <= 3 && current.groups.length <= 4)
    }
  }), { numRuns: 300 })
  t.same([...seen.keys()].sort(), ['contactNotFound', 'contactsConflict', 'contactsExceeded', 'defaultGroupFixed', 'duplicateGroup', 'groupNotFound', 'groupsExceeded', 'ok'], 'the sequences meet every refusal')
})

const contents: fc.Arbitrary<ContactContent> = fc.record({
  first: fc.constantFrom('~', 'Alle', 'a'), groups: fc.uniqueArray(fc.record({ id: fc.integer({ min: 2, max: 6 }), name: fc.constantFrom('a', 'b', 'c', 'd', '#2', '#3'), externalUri: fc.constantFrom('', 'x') }), { selector: ({ id }) => id, maxLength: 5 }),
  contacts: fc.uniqueArray(fc.record({ user: users, displayName: texts, groups: fc.array(fc.nat(5), { maxLength: 3 }), subscribed: fc.boolean(), externalUri: texts, extension: extensions }), { selector: ({ user }) => user, maxLength: 5 }),
}).map(({ first, groups, contacts }) => {
  const named = groups.filter(({ name }, index) => name !== first && groups.findIndex((other) => other.name === name) === index)
  const all = [group(1, first), ...named].sort((a, b) => a.id - b.id)
  return { groups: all, contacts: contacts.map((one) => ({ ...one, groups: contactGroups(one.groups.flatMap((index) => all[index]?.id ?? [])) })) }
})

t.test('property: who follows the deltas of an import has the list that was imported, over sound lists only', async () => {
  fc.assert(fc.property(contents, contents, (before, after) => {
    const held = list(before)
    const outcome = must(decideContactImport(after, held, limits))
    follow(takeList(writeContactList(held)), outcome)
    assert.deepEqual({ ...comparable(takeList(writeContactList(outcome.list))) as object, deltaNum: '' }, { ...comparable(takeList(writeContactList(list(after)))) as object, deltaNum: '' })
    assert.deepEqual(must(decideContactImport(after, outcome.list, limits)).deltas, [], 'the same again says nothing')
  }), { numRuns: 1000 })
})

t.test('import: the changes between two lists', async (t) => {
  const groups = (...names: readonly string[]): readonly ContactGroup[] => names.map((name, index) => group(index + 1, name))
  const told = (before: ContactContent, after: ContactContent): readonly string[] => compareContactLists(before, after).map((change) => ('group' in change ? `${change.kind} ${change.group.id} ${change.group.name}` : 'contact' in change ? `${change.kind} ${change.contact.groups.join('+')}` : change.kind))
  const none: readonly Contact[] = []
  const cases: readonly (readonly [name: string, before: ContactContent, after: ContactContent, told: readonly string[]])[] = [
    ['alike', { groups: groups('~', 'a'), contacts: [contact()] }, { groups: groups('~', 'a'), contacts: [contact()] }, []], ['a chain of names from its end', { groups: groups('~', 'a', 'b'), contacts: none }, { groups: groups('~', 'b', 'c'), contacts: none }, ['modifiedGroup 3 c', 'modifiedGroup 2 b']],
    ['a circle of names by way of another one', { groups: groups('~', 'a', 'b'), contacts: none }, { groups: groups('~', 'b', 'a'), contacts: none }, ['modifiedGroup 3 #3', 'modifiedGroup 2 b', 'modifiedGroup 3 a']], ['a name that moves to another number', { groups: groups('~', 'a'), contacts: [contact({ groups: [2] })] }, { groups: [group(1, '~'), group(5, 'a')], contacts: [contact({ groups: [5] })] }, ['modifiedContact 1', 'deletedGroup', 'addedGroup 5 a', 'modifiedContact 5']],
    ['a contact that leaves with its group', { groups: groups('~', 'a'), contacts: [contact({ groups: [2] })] }, { groups: groups('~'), contacts: none }, ['deletedContact', 'deletedGroup']], ['told once where once will do', { groups: groups('~', 'a', 'b'), contacts: [contact({ groups: [2, 3] })] }, { groups: groups('~', 'a'), contacts: [contact({ groups: [1, 2], displayName: 'B' })] }, ['modifiedContact 1+2', 'deletedGroup']],
    ...(['displayName', 'externalUri', 'extension'] as const).map((field) => [`a new ${field}`, { groups: groups('~'), contacts: [contact()] }, { groups: groups('~'), contacts: [contact({ [field]: 'x' })] }, ['modifiedContact 1']] as const), ['no longer subscribed', { groups: groups('~'), contacts: [contact()] }, { groups: groups('~'), contacts: [contact({ subscribed: false })] }, ['modifiedContact 1']], ['an externalURI of a group', { groups: groups('~'), contacts: none }, { groups: [group(1, '~', 'x')], contacts: none }, ['modifiedGroup 1 ~']],
  ]
  for (const [name, before, after, expected] of cases) t.same(told(before, after), expected, name)
})

t.test('import: what is refused, what is put right', async (t) => {
  const held = list({ groups: [group(1, 'Alle'), group(2, 'Team')], contacts: [contact(), contact({ user: anna })] })
  const put = (groups: readonly ContactGroup[], contacts: readonly Contact[], over: Partial<ContactLimits> = {}): Result<ContactOutcome> => decideContactImport({ groups, contacts }, held, { ...limits, ...over })
  const cases: readonly (readonly [name: string, groups: readonly ContactGroup[], contacts: readonly Contact[], over: Partial<ContactLimits>, verdict: string])[] = [
    ['nothing', [], [], {}, 'ok'], ['group 63', [group(63)], [], {}, 'ok'], ['group 64', [group(64)], [], {}, 'contactNotValid'], ['group 0', [group(0)], [], {}, 'contactNotValid'], ['group 2.5', [group(2.5)], [], {}, 'contactNotValid'], ['one id twice', [group(2, 'a'), group(2, 'b')], [], {}, 'contactNotValid'],
    ['one name twice', [group(2, 'a'), group(3, 'a')], [], {}, 'duplicateGroup'], ['the name of the default group that stays', [group(2, 'Alle')], [], {}, 'duplicateGroup'], ['~ for another group', [group(1, 'x'), group(2, '~')], [], {}, 'duplicateGroup'], ['no name', [group(2, '')], [], {}, 'contactNotValid'], ['a name too long', [group(2, within(257))], [], {}, 'contactNotValid'], ['a name that XML cannot hold', [group(2, 'a\u0001')], [], {}, 'contactNotValid'], ['half a character', [group(2, 'a\ud800')], [], {}, 'contactNotValid'], ['a whole one', [group(2, 'a\u{1f600}\n')], [], {}, 'ok'],
    ['a contact twice', [], [contact(), contact()], {}, 'contactNotValid'], ['an unknown group', [], [contact({ groups: [2] })], {}, 'groupNotFound'], ['a name too long', [], [contact({ displayName: within(257) })], {}, 'contactNotValid'], ['an externalURI that XML cannot hold', [], [contact({ externalUri: '\u0000' })], {}, 'contactNotValid'], ['a URI too long', [], [contact({ user: `${'b'.repeat(440)}@nordwind.example` })], {}, 'contactNotValid'],
    ['an extension that is no XML', [], [contact({ extension: '</contactExtension>' })], {}, 'bodyNotXml'], ['an extension too large', [], [contact({ extension: within(1025) })], {}, 'contactExtensionTooLarge'],
    ['too many contacts', [], [contact(), contact({ user: anna }), contact({ user: clara })], { maxContacts: 2 }, 'contactsExceeded'], ['not more than before', [], [contact(), contact({ user: clara })], { maxContacts: 1 }, 'ok'], ['too many groups', [group(2), group(3)], [], { maxGroups: 2 }, 'groupsExceeded'], ['not more groups than before', [group(3)], [], { maxGroups: 1 }, 'ok'],
  ]
  for (const [name, groups, contacts, over, expected] of cases) t.equal(verdict(put(groups, contacts, over)), expected, name)
  t.same(must(put([group(2, 'Team')], [contact({ groups: [2, 1, 2], extension: ' ' }), contact({ user: anna, groups: [] })])).list, { deltaNum: 13, groups: held.groups, contacts: [contact({ groups: [1, 2] }), contact({ user: anna })] }, 'the default group stays as it is, groups are put in order, nobody is nowhere')
  t.same(must(put(held.groups, held.contacts)), { list: held, deltas: [] }, 'nothing that differs, nothing that is told')
  const refused = put([], [contact({ extension: '<a>' })])
  t.match(refused.ok ? '' : refused.failure.detail, new RegExp(`^${boris}: `), 'the detail names the contact')
})
