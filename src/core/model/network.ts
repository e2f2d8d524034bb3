/** Where a subscriber comes from (3.2.5.3); decides the membership rules 3 to 5. */
export const sourceNetworks = ['sameEnterprise', 'federated', 'publicCloud'] as const
export type SourceNetwork = (typeof sourceNetworks)[number]

/** What the operator says about a domain. */
export const domainKinds = ['enterprise', 'federated', 'publicCloud', 'blocked'] as const
export type DomainKind = (typeof domainKinds)[number]

/** The source network of a domain kind; a blocked domain has none. */
export const networkOfKind = (kind: DomainKind): SourceNetwork | undefined =>
  kind === 'blocked' ? undefined : kind === 'enterprise' ? 'sameEnterprise' : kind
