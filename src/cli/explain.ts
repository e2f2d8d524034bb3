import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeExplanation, type ExplanationText } from './explain-text.ts'
import { readConfigOrExit } from './read-config-or-exit.ts'

const USAGE = `usage: presentia explain PUBLISHER SUBSCRIBER [CATEGORY...] [--network sameEnterprise|federated|publicCloud] [--json]
Asks the running engine (PRESENTIA_ADMIN_URL, else PRESENTIA_ADMIN_LISTEN) with PRESENTIA_ADMIN_KEY, else the key in PRESENTIA_DATA_DIR.
`

const fail = (message: string, code: number): never => {
  process.stderr.write(message)
  process.exit(code)
}

const readKey = (dataDir: string): string => {
  try {
    return readFileSync(join(dataDir, 'admin.key'), 'utf8').trim()
  } catch {
    return fail(`there is no admin key: set PRESENTIA_ADMIN_KEY, or PRESENTIA_DATA_DIR to the folder of the engine (${dataDir} has no admin.key)\n`, 2)
  }
}

const readArguments = (args: readonly string[]): { readonly network: string | undefined; readonly json: boolean; readonly positionals: readonly string[] } => {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { network: { type: 'string' }, json: { type: 'boolean', default: false } } })
    return { network: values.network, json: values.json, positionals }
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, 2)
  }
}

/** `presentia explain`: what a subscriber sees of a publisher, and why, in words. */
export const run = async (args: readonly string[]): Promise<void> => {
  const { network, json, positionals: [publisher, subscriber, ...categories] } = readArguments(args)
  if (publisher === undefined || subscriber === undefined) return fail(USAGE, 2)
  const config = readConfigOrExit(process.env)
  const base = process.env['PRESENTIA_ADMIN_URL'] ?? `http://${config.adminListen}`
  const query = new URLSearchParams([['publisher', publisher], ['subscriber', subscriber], ...categories.map((category) => ['category', category] as [string, string]), ...(network === undefined ? [] : [['network', network] as [string, string]])])
  const response = await fetch(`${base.replace(/\/$/, '')}/admin/v1/explain?${query.toString()}`, { headers: { authorization: `Bearer ${config.adminKey ?? readKey(config.dataDir)}` } })
    .catch((error: unknown) => fail(`the engine does not answer at ${base}: ${error instanceof Error ? error.message : String(error)}\n`, 1))
  const text = await response.text()
  if (!response.ok) return fail(`${text}\n`, 1)
  process.stdout.write(json ? `${text}\n` : writeExplanation(JSON.parse(text) as ExplanationText))
}
