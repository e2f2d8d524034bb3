import { namespaces } from '../xml/namespaces.ts'

/** The four sections of a roamingData document, each already written, in schema order (6.7). */
export interface RoamingSections {
  readonly categories?: string
  readonly containers?: string
  readonly subscribers?: string
  readonly delegates?: string
}

/** The roamingData document of publish answers and self subscriptions (2.2.2.3.2); absent sections are left out. */
export const writeRoamingData = (sections: RoamingSections): string =>
  `<roamingData xmlns="${namespaces.roamingSelf}" xmlns:cat="${namespaces.categories}" xmlns:con="${namespaces.containers}"` +
  ` xmlns:sub="${namespaces.subscribers}" xmlns:del="${namespaces.delegates}">` +
  `${sections.categories ?? ''}${sections.containers ?? ''}${sections.subscribers ?? ''}${sections.delegates ?? ''}</roamingData>`
