import type { Instant } from '../core/base/instant.ts'
import { standardTemplate, type ContainerTemplate } from '../core/containers/template.ts'
import { loadSetting } from '../store/deployment-settings.ts'
import type { Session } from '../store/session.ts'
import { createShortCache } from './short-cache.ts'

/** Which containers a new user starts with. */
export interface TemplateDirectory {
  readonly current: () => Promise<ContainerTemplate>
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** The operator's template behind a short cache; the standard layout where there is none. */
export const createTemplateDirectory = (session: Session, now: () => Instant): TemplateDirectory => {
  const stored = createShortCache(() => loadSetting(session, 'containerTemplate'), now)
  return { current: async () => await stored.get() ?? standardTemplate, forget: stored.forget }
}
