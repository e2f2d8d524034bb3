import { escapeXml, writeAttribute } from '../xml/write.ts'

/** A single value of a provisioning group that an operator can name. */
export interface ProvisioningValue {
  readonly name: string
  readonly group: 'ServerConfiguration' | 'endpointConfiguration'
  /** As it is called in the group; the name itself where nothing else is said. */
  readonly wire?: string
  readonly kind: 'text' | 'url' | 'boolean' | 'port' | readonly string[]
  readonly description: string
}

const urls = (group: ProvisioningValue['group'], what: string, names: readonly (readonly [name: string, where: string, wire?: string])[]): readonly ProvisioningValue[] =>
  names.map(([name, where, wire]) => ({ name, group, kind: 'url', description: `${what}${where}.`, ...(wire === undefined ? {} : { wire }) }))

/**
 * Which values there are; a new one is one more row. Names and spelling are those of the data models of MS-SIPREGE (2.2.2.5.1, 2.2.2.5.6). That the first group holds one element for
 * each and the other one a list of properties is what clients have been seen to read; that they take the spelling of the data model for the site search, which others write
 * with URL in capitals, is inferred: what reads them folds case.
 */
export const provisioningValues: readonly ProvisioningValue[] = [
  { name: 'organization', group: 'ServerConfiguration', kind: 'text', description: 'Name of the organization; without it the domain of the user.' },
  { name: 'ucPC2PCAVEncryption', group: 'ServerConfiguration', kind: ['SupportEncryption', 'DoNotSupportEncryption', 'RequireEncryption'], description: 'Whether calls between clients are encrypted; SupportEncryption without it.' },
  { name: 'ucPortRangeEnabled', group: 'ServerConfiguration', kind: 'boolean', description: 'Whether clients keep to a range of ports for media, which must then be named; false without it.' },
  { name: 'ucMinMediaPort', group: 'ServerConfiguration', kind: 'port', description: 'Lowest port for media.' },
  { name: 'ucMaxMediaPort', group: 'ServerConfiguration', kind: 'port', description: 'Highest port for media.' },
  ...urls('ServerConfiguration', 'Where the address book is downloaded, ', [['absInternalServerUrl', 'inside'], ['absExternalServerUrl', 'outside']]),
  { name: 'absWebServiceEnabled', group: 'ServerConfiguration', kind: 'boolean', description: 'Whether there is a web service for the address book.' },
  ...urls('ServerConfiguration', 'Web service to query the address book, ', [['abwqInternalUrl', 'inside'], ['abwqExternalUrl', 'outside']]),
  ...urls('ServerConfiguration', 'Web service that expands distribution lists, ', [['dlxInternalUrl', 'inside'], ['dlxExternalUrl', 'outside']]),
  { name: 'dlxEnabled', group: 'ServerConfiguration', kind: 'boolean', description: 'Whether distribution lists can be expanded.' },
  ...urls('ServerConfiguration', 'Where users find help, ', [['helpdeskInternalUrl', 'inside'], ['helpdeskExternalUrl', 'outside']]),
  ...urls('ServerConfiguration', 'Where users of older clients get a newer one, ', [['consoleDownloadInternalUrl', 'inside'], ['consoleDownloadExternalUrl', 'outside']]),
  ...urls('endpointConfiguration', 'Site search: web service that searches for people by their skills, ', [['siteSearchInternalUrl', 'inside', 'SPSearchInternalUrl'], ['siteSearchExternalUrl', 'outside', 'SPSearchExternalUrl']]),
  ...urls('endpointConfiguration', 'Site search: page where users go on with a search, ', [['siteSearchCenterInternalUrl', 'inside', 'SPSearchCenterInternalUrl'], ['siteSearchCenterExternalUrl', 'outside', 'SPSearchCenterExternalUrl']]),
  ...urls('endpointConfiguration', 'Where clients fetch ', [['customStateUrl', 'the states that users may choose from', 'CustomStateUrl'], ['tabUrl', 'further tabs', 'TabURL']]),
  { name: 'absUsage', group: 'endpointConfiguration', wire: 'AbsUsage', kind: ['WebSearchAndFileDownload', 'WebSearchOnly', 'FileDownloadOnly'], description: 'How clients use the address book.' },
  { name: 'enableAppearOffline', group: 'endpointConfiguration', wire: 'EnableAppearOffline', kind: 'boolean', description: 'Whether users may appear offline.' },
  { name: 'showRecentContacts', group: 'endpointConfiguration', wire: 'ShowRecentContacts', kind: 'boolean', description: 'Whether clients show a group of recent contacts.' },
]

/** What has been set, by name. */
export type ProvisioningValues = Readonly<Record<string, string | number | boolean>>

const written = (values: ProvisioningValues, group: ProvisioningValue['group'], write: (name: string, text: string) => string): string =>
  provisioningValues.filter(({ group: of, name }) => of === group && values[name] !== undefined).map(({ name, wire = name }) => write(wire, String(values[name]))).join('')

/** The elements of the ServerConfiguration group. */
export const writeServerConfiguration = (values: ProvisioningValues): string => written(values, 'ServerConfiguration', (name, text) => `<${name}>${escapeXml(text)}</${name}>`)

/** The endpointConfiguration group, a list of properties; undefined when there is none. */
export const writeEndpointConfiguration = (values: ProvisioningValues): string | undefined => {
  const properties = written(values, 'endpointConfiguration', (name, text) => `<property${writeAttribute('name', name)}>${escapeXml(text)}</property>`)
  return properties === '' ? undefined : `<propertyEntryList>${properties}</propertyEntryList>`
}

/** What is wrong with values beside the groups that are set as a whole: what cannot be meant, and what the groups would hide. */
export const findProvisioningFaults = (values: ProvisioningValues, groups: Readonly<Record<string, string>>): readonly string[] => {
  const { ucPortRangeEnabled: ranged, ucMinMediaPort: from, ucMaxMediaPort: to } = values
  return [
    ...provisioningValues.filter(({ name, group }) => values[name] !== undefined && Object.hasOwn(groups, group)).map(({ name, group }) => `values/${name}: groups/${group} is set as a whole and would hide it`),
    ...provisioningValues.filter(({ name, kind }) => kind === 'url' && values[name] !== undefined && !URL.canParse(String(values[name]))).map(({ name }) => `values/${name}: is not a URL`),
    ...(ranged === true && (from === undefined || to === undefined) ? ['values/ucPortRangeEnabled: needs ucMinMediaPort and ucMaxMediaPort'] : []),
    ...(from !== undefined && to !== undefined && from > to ? ['values/ucMinMediaPort: is above ucMaxMediaPort'] : []),
  ]
}
