import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

/** Voice mail of a user, as a voice mail server reports it (2.2.2.7.11). */
export interface MessageWaiting {
  readonly messageWaiting: boolean
  readonly unreadVoiceMailCount?: number
  readonly readVoiceMailCount?: number
}

/** The data of an mwi instance (7.9). */
export const writeMwi = ({ messageWaiting, unreadVoiceMailCount, readVoiceMailCount }: MessageWaiting): string =>
  `<mwi xmlns="${namespaces.mwi}" messageWaiting="${messageWaiting}"${writeAttribute('unreadVoiceMailCount', unreadVoiceMailCount)}${writeAttribute('readVoiceMailCount', readVoiceMailCount)}/>`
