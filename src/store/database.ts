import type { ColumnType, JSONColumnType } from 'kysely'
import type { SearchColumn } from '../core/directory/entry.ts'
import type { PidfForm } from '../core/documents/pidf.ts'
import type { LinkedIdentities } from '../core/documents/presence-seen.ts'
import type { DomainKind, SourceNetwork } from '../core/model/network.ts'
import type { DialogRow } from './dialogs.ts'
import type { UserLimits } from './limits.ts'

type Constant<T> = ColumnType<T, T, never>

/** Optional directory data of a user; keys as in the admin API. */
export type UserProperties = Readonly<Record<string, string>>

/** Federation rights; null at a user means as its domain. */
interface RightColumns<T> {
  incoming_federated: T
  outgoing_federated: T
  incoming_public_cloud: T
  outgoing_public_cloud: T
}

export interface DomainTable extends RightColumns<boolean> {
  domain: Constant<string>
  kind: DomainKind
  pidf_form: ColumnType<PidfForm, PidfForm | undefined, PidfForm>
  created_at: Constant<number>
  updated_at: number
}

export interface PresenceUserTable extends RightColumns<boolean | null> {
  user_uri: Constant<string>
  domain: Constant<string>
  display_name: string
  properties: JSONColumnType<UserProperties>
  limits: JSONColumnType<UserLimits>
  home_pool: string | null
  linked: ColumnType<LinkedIdentities | null, string | null, string | null>
  created_at: Constant<number>
  updated_at: number
}

export interface CategoryTable {
  name: Constant<string>
  removed: boolean
  private: boolean
  read_only_containers: number[]
  max_bytes: number
  quota_bytes: number
  payload_schema: ColumnType<object | null, string | null, string | null>
  created_at: Constant<number>
  updated_at: number
}

export interface EndpointTable {
  user_uri: Constant<string>
  endpoint_id: Constant<string>
  instance_id: string
  epid: string | null
  proxy: string
  flow: string
  contact: string
  call_id: string
  registered_at: number
  expires_at: number
  entity_tag: string | null
}

/** What users can be found by, folded. */
export type DirectoryEntryTable = { user_uri: Constant<string> } & Record<SearchColumn, string | null>

/** Who watches whom, from the publisher's side. */
export interface SubscriptionTable {
  publisher: Constant<string>
  subscriber: Constant<string>
  local_tag: Constant<string>
  network: SourceNetwork
  categories: string[]
  since: number
}

/** What became of a dialog's last notifications, for those who look. */
export interface DialogResultColumns {
  failures: number
  failed_code: number
  failed_at: number
  notified_trace: string
}

export interface DeferredTable {
  subscriber: Constant<string>
  local_tag: Constant<string>
  publisher: Constant<string>
}

/** The tables that are read and written through Kysely; hot paths use named SQL (see session.ts). */
export interface Database {
  domain: DomainTable
  presence_user: PresenceUserTable
  endpoint: EndpointTable
  category: CategoryTable
  directory_entry: DirectoryEntryTable
  dialog: DialogRow & DialogResultColumns
  deferred: DeferredTable
  subscription: SubscriptionTable
}
