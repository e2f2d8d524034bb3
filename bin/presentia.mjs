#!/usr/bin/env node
// Plain JavaScript, so that even an old Node gets as far as the sentence below.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`Presentia needs Node 22.18 or newer and runs on ${process.version} here; start it with "npm start" after "npm ci", which brings Node 24 along.`)
  process.exit(1)
}

// From a checkout the sources run as they are; an installation holds the build only.
const source = fileURLToPath(new URL('../src/cli/', import.meta.url))
const [folder, ending] = existsSync(source) ? ['../src/cli/', '.ts'] : ['../dist/cli/', '.js']
const commands = ['start', 'stack', 'demo', 'bench', 'explain', 'postgres', 'check-versions', 'check-delivery', 'check-soak']
const [command = 'start', ...rest] = process.argv.slice(2)
if (!commands.includes(command) || !existsSync(fileURLToPath(new URL(`${folder}${command}${ending}`, import.meta.url)))) {
  console.error(`usage: presentia ${commands.join('|')}`)
  process.exit(2)
}
const { run } = await import(new URL(`${folder}${command}${ending}`, import.meta.url).href)
await run(rest)
