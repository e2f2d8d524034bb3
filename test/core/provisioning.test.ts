import t from 'tap'
import { defaultProvisionGroups, writeProvisionGroups } from '../../src/core/documents/provisioning.ts'
import { readProvisioningGroups } from '../../src/core/requests/provisioning.ts'
import { eventPackages, mediaTypes } from '../../src/core/sip/media-types.ts'
import { bytes, documents, must, verdict } from './support.ts'

const ASK = 'http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist'
const ANSWER = 'http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification'
const ask = (content: string, attributes = ''): Buffer => bytes(`<provisioningGroupList xmlns="${ASK}"${attributes}>${content}</provisioningGroupList>`)

t.test('MS-SIPREGE 2.2.2.4: which groups are asked for', async (t) => {
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['one', ask('<provisioningGroup name="ucPolicy"/>'), 'ok'], ['none', ask(''), 'bodyNotValid'], ['no name', ask('<provisioningGroup/>'), 'bodyNotValid'], ['no name after a good one', ask('<provisioningGroup name="a"/><provisioningGroup/>'), 'bodyNotValid'], ['foreign elements only', ask('<provisioningGroup xmlns="urn:x" name="a"/>'), 'bodyNotValid'],
    ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('x'), 'bodyNotXml'], ['another root', bytes(`<provisionGroupList xmlns="${ANSWER}"/>`), 'bodyNotValid'], ['no namespace', bytes('<provisioningGroupList><provisioningGroup name="a"/></provisioningGroupList>'), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readProvisioningGroups(body)), expected, name)
  t.same(must(readProvisioningGroups(ask('<provisioningGroup name="ucPolicy" opaque="1"/>\n<x xmlns="urn:x"/><provisioningGroup name="constructor"/><provisioningGroup name="ucPolicy"/>', ' subnet="192.0.2.0"'))), ['ucPolicy', 'constructor'], 'each once, in order')
  t.same([eventPackages.provisioning, mediaTypes.provisioning, eventPackages.roamingContacts, mediaTypes.roamingContacts], ['vnd-microsoft-provisioning-v2', 'application/vnd-microsoft-roaming-provisioning-v2+xml', 'vnd-microsoft-roaming-contacts', 'application/vnd-microsoft-roaming-contacts+xml'])
})

t.test('MS-SIPREGE 2.2.2.5: the groups that are there, in the order of the request, others left out', async (t) => {
  const groups = new Map([['a', '<x>1</x>&amp;'], ['b&"', ''], ['c', 'never asked for']])
  t.equal(writeProvisionGroups(['b&"', 'unknown', 'a', 'constructor'], groups), `<provisionGroupList xmlns="${ANSWER}"><provisionGroup name="b&amp;&quot;"/><provisionGroup name="a"><x>1</x>&amp;</provisionGroup></provisionGroupList>`)
  t.equal(writeProvisionGroups(['unknown'], groups), `<provisionGroupList xmlns="${ANSWER}"></provisionGroupList>`)
})

t.test('the built-in groups: no setting without text, nothing that starts a media relay', async (t) => {
  const answer = writeProvisionGroups(['ServerConfiguration', 'meetingPolicy', 'ucPolicy', 'persistentChatConfiguration'], defaultProvisionGroups('Nordwind & S\u00f6hne'))
  t.same(...documents(answer, `<provisionGroupList xmlns="${ANSWER}">
    <provisionGroup name="ServerConfiguration"><organization>Nordwind &amp; S\u00f6hne</organization><ucPC2PCAVEncryption>SupportEncryption</ucPC2PCAVEncryption><ucPortRangeEnabled>false</ucPortRangeEnabled></provisionGroup>
    <provisionGroup name="meetingPolicy"/><provisionGroup name="ucPolicy"/>
  </provisionGroupList>`))
  t.match(defaultProvisionGroups(' ').get('ServerConfiguration'), /<organization>[^< ]+</)
})
