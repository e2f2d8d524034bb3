import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { connectStore } from '../../src/store/connect.ts'
import { lockDirectory } from '../../src/store/directory-lock.ts'
import { createDirectory } from '../support/database.ts'

const onError = (): void => undefined
const lockModule = pathToFileURL(join(import.meta.dirname, '../../src/store/directory-lock.ts')).href

/** A process that runs the code, with its directory as an argument, until it is killed. */
const start = (directory: string, code: string) => spawn(process.execPath, ['--input-type=module', '-e', code, directory], { stdio: ['ignore', 'pipe', 'inherit'] })

t.test('a directory is locked once, and again after its release', async (t) => {
  const directory = createDirectory(t)
  const release = lockDirectory(directory)
  t.equal(readFileSync(join(directory, 'lock'), 'utf8'), String(process.pid))
  t.throws(() => lockDirectory(directory), /is already open in this process/)
  release()
  t.notOk(existsSync(join(directory, 'lock')))
  lockDirectory(directory)()
})

t.test('the same directory under another spelling is the same directory', async (t) => {
  const directory = createDirectory(t)
  const release = lockDirectory(directory)
  t.teardown(release)
  for (const spelling of [relative(process.cwd(), directory), `${directory}/`, join(directory, 'x', '..')]) t.throws(() => lockDirectory(spelling), /is already open in this process/, spelling)
})

t.test('the lock of a living process is respected, the lock of a dead one is taken over', async (t) => {
  const directory = createDirectory(t)
  const other = start(directory, `import { lockDirectory } from ${JSON.stringify(lockModule)}; lockDirectory(process.argv[1]); console.log('locked'); setInterval(() => undefined, 1000)`)
  await once(other.stdout, 'data')
  t.throws(() => lockDirectory(directory), { message: new RegExp(`is in use by process ${other.pid}; stop it, or set PRESENTIA_DATA_DIR`) })
  other.kill('SIGKILL')
  await once(other, 'exit')
  t.ok(existsSync(join(directory, 'lock')), 'a killed process leaves its lock')
  lockDirectory(directory)()
})

t.test('a damaged or reused lock file does not stop a start', async (t) => {
  const directory = createDirectory(t)
  for (const left of ['', 'nonsense', '-1', '0', String(process.pid)]) {
    writeFileSync(join(directory, 'lock'), left)
    const release = lockDirectory(directory)
    t.equal(readFileSync(join(directory, 'lock'), 'utf8'), String(process.pid), JSON.stringify(left))
    release()
  }
})

t.test('an embedded database opens once, keeps its rows and gives its lock back', async (t) => {
  const dataDir = createDirectory(t)
  const first = await connectStore({ dataDir, onError })
  await t.rejects(connectStore({ dataDir, onError }), /is already open in this process/)
  await first.pool.query('CREATE TABLE kept (text text)')
  await first.pool.query("INSERT INTO kept VALUES ('Grüße 🎈')")
  await first.close()
  t.notOk(existsSync(join(dataDir, 'lock')))
  const again = await connectStore({ dataDir, onError })
  t.same((await again.pool.query('SELECT text FROM kept')).rows, [{ text: 'Grüße 🎈' }])
  await again.close()
})

t.test('a database that cannot be opened gives its lock back', async (t) => {
  const dataDir = createDirectory(t)
  writeFileSync(join(dataDir, 'database'), 'a file where a directory should be')
  await t.rejects(connectStore({ dataDir, onError }))
  t.notOk(existsSync(join(dataDir, 'lock')))
})
