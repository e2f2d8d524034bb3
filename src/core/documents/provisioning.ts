import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'
import { writeEndpointConfiguration, writeServerConfiguration, type ProvisioningValues } from './provisioning-values.ts'

/** Provisioning groups that this server has: name to content, XML verbatim and checked, in the namespace of the document by default. */
export type ProvisionGroups = ReadonlyMap<string, string>

const writeGroup = (name: string, content: string): string => {
  const start = `<provisionGroup${writeAttribute('name', name)}`
  return content === '' ? `${start}/>` : `${start}>${content}</provisionGroup>`
}

/**
 * The provisioning document (MS-SIPREGE 2.2.2.5): the groups asked for that are there, in the order of the request; others are left out. Where
 * none is left the list is empty: a client that gets a refusal instead may not sign in.
 */
export const writeProvisionGroups = (asked: readonly string[], available: ProvisionGroups): string => {
  const groups = asked.flatMap((name) => {
    const content = available.get(name)
    return content === undefined ? [] : [writeGroup(name, content)]
  })
  return `<provisionGroupList xmlns="${namespaces.provisionGroupList}">${groups.join('')}</provisionGroupList>`
}

/**
 * The smallest useful answer, with the single values that the operator has set. Clients take the text of these three settings without asking whether there is any, so that
 * none may be empty; mrasUri is left out on purpose, because its presence starts a log-in at a media relay.
 */
export const defaultProvisionGroups = (organization: string, values: ProvisioningValues = {}): ProvisionGroups => {
  const endpoint = writeEndpointConfiguration(values)
  return new Map([
    ['ServerConfiguration', writeServerConfiguration({ organization: organization.trim() === '' ? '-' : organization, ucPC2PCAVEncryption: 'SupportEncryption', ucPortRangeEnabled: false, ...values })],
    ['meetingPolicy', ''],
    ['ucPolicy', ''],
    ...(endpoint === undefined ? [] : [['endpointConfiguration', endpoint] as const]),
  ])
}
