import type { SubscriberEntry } from '../model/subscriber-entry.ts'
import { writeBareUri } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

const writeSubscriber = ({ user, displayName, acknowledged, network, context }: SubscriberEntry): string => {
  const start = `<subscriber${writeAttribute('user', writeBareUri(user))}${writeAttribute('displayName', displayName)} acknowledged="${acknowledged}" type="${network}"`
  // An empty context made the entry, but is not shown (3.6.5.1, 4.8).
  return context === undefined || context === '' ? `${start}/>` : `${start}><context>${context}</context></subscriber>`
}

const byUser = (a: SubscriberEntry, b: SubscriberEntry): number => (a.user < b.user ? -1 : 1)

/**
 * The subscribers document (2.2.2.6.1, 6.4). 1.3.1.4 speaks of the entries that are not acknowledged, but every document holds the whole list
 * (3.6.5.2, last paragraphs of 1.3.1.4): those who were acknowledged and are kept stand in it with acknowledged="true" (3.7.5.3, last example
 * of 4.4.3).
 */
export const writeSubscribers = (entries: readonly SubscriberEntry[]): string =>
  entries.length === 0 ? `<subscribers xmlns="${namespaces.subscribers}"/>` : `<subscribers xmlns="${namespaces.subscribers}">${[...entries].sort(byUser).map(writeSubscriber).join('')}</subscribers>`
