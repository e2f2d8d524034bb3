import type { ContainerTemplate } from '../core/containers/template.ts'
import type { ProvisioningValues } from '../core/documents/provisioning-values.ts'
import { statement, type Session } from './session.ts'

/** What an operator can set for the whole deployment, by name; only what went through its admin route gets in. */
export interface DeploymentSettings {
  /** The containers that a new user starts with. */
  readonly containerTemplate: ContainerTemplate
  /** Provisioning groups by name: their content, checked. */
  readonly provisioning: Readonly<Record<string, string>>
  /** Single values of provisioning groups by name, checked. */
  readonly provisioningValues: ProvisioningValues
  /** Whether contact lists may move to the store elsewhere, of users of whom nothing else is said (MS-PRES 4.14.1). */
  readonly contactStore: { readonly allowed: boolean }
}

const GET = statement('deployment-setting-get', 'SELECT value FROM deployment_setting WHERE name = $1')

/** What has been set, or undefined. */
export const loadSetting = async <K extends keyof DeploymentSettings>(session: Session, name: K): Promise<DeploymentSettings[K] | undefined> =>
  (await session.send<{ value: DeploymentSettings[K] }>(GET, [name]))[0]?.value

const PUT = statement('deployment-setting-put', `
  INSERT INTO deployment_setting (name, value, created_at, updated_at) VALUES ($1, $2, $3, $3)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`)

export const putSetting = <K extends keyof DeploymentSettings>(session: Session, name: K, value: DeploymentSettings[K], now: number): Promise<unknown> =>
  session.send(PUT, [name, JSON.stringify(value), now])

const DELETE = statement('deployment-setting-delete', 'DELETE FROM deployment_setting WHERE name = $1')

/** It is as the code says again. */
export const deleteSetting = (session: Session, name: keyof DeploymentSettings): Promise<unknown> => session.send(DELETE, [name])
