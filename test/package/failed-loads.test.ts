import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { startHostileEtcd } from '../support/hostile-etcd.ts'

const run = promisify(execFile)
const index = join(import.meta.dirname, '../../dist/index.js')

/** Runs a file in a process that can open 100 files. The shell sets this limit for Node. */
const runWithFewFiles = (file: string) => run('sh', ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath, file])

/** Makes a call in a process of its own, and returns the addresses, or the reason, and the failures of its attempts. */
async function call(endpoints: string, { prepare = '', onRetry = '', afterCall = '', options = '' }) {
  const file = join(temporaryFolder(), 'call.mjs')
  writeFileSync(
    file,
    `import { EventEmitter } from 'node:events'
     import fs from 'node:fs'
     import { registerHooks } from 'node:module'
     const { resolveApiserverAddresses } = await import(${JSON.stringify(index)})
     const failures = []
     const events = new EventEmitter()
     ${prepare}
     events.on('retry', ({ reason, error }) => {
       failures.push(reason + ': ' + error.message)
       ${onRetry}
     })
     const calling = resolveApiserverAddresses({ endpoints: '${endpoints}', key: 'key', events, ${options} })
     ${afterCall}
     const result = await calling.then(({ addresses }) => addresses.join(), ({ reason }) => reason)
     console.log(JSON.stringify({ result, failures }))`,
  )
  const { stdout } = await runWithFewFiles(file)
  return JSON.parse(stdout) as { readonly result: string; readonly failures: readonly string[] }
}

const useEveryFile = {
  prepare: 'const open = []',
  // The file of this text is in memory, and the part that talks to etcd is not.
  afterCall: "try { for (;;) open.push(fs.openSync('/dev/null')) } catch {}",
  onRetry: 'for (const descriptor of open.splice(0)) fs.closeSync(descriptor)',
}

test('a call without TLS waits while too many files are open to load the part that talks to etcd', async () => {
  const { result, failures } = await call(await startHostileEtcd({}), useEveryFile)
  expect(result).toBe('10.0.0.11:6443')
  expect(failures).toEqual([
    expect.stringMatching(/^unavailable: a part of this package cannot be loaded: EMFILE: .*etcd-connection\.cjs/),
  ])
})

test.each([
  ['resolveApiserverAddresses', 'resolve.cjs', 'resolveApiserverAddresses(options)'],
  ['watchApiserverAddresses', 'watch.cjs', 'watchApiserverAddresses(options).next().then(({ value }) => value)'],
])('%s waits while too many files are open to load its code in %s', async (_name, part, code) => {
  const endpoints = await startHostileEtcd({})
  const file = join(temporaryFolder(), 'call.mjs')
  writeFileSync(
    file,
    `import fs from 'node:fs'
     import { resolveApiserverAddresses, watchApiserverAddresses } from ${JSON.stringify(index)}
     const open = []
     try { for (;;) open.push(fs.openSync('/dev/null')) } catch {}
     process.on('warning', ({ code, message }) => {
       for (const descriptor of open.splice(0)) fs.closeSync(descriptor)
       console.log(code + ': ' + message)
     })
     const options = { endpoints: '${endpoints}', key: 'key' }
     console.log((await ${code}).addresses.join())
     process.exit()`,
  )
  const { stdout } = await runWithFewFiles(file)
  const [warning, result] = stdout.split('\n')
  const error = 'RKE2_APISERVER_RESOLVER_LOADING: a part of this package cannot be loaded: EMFILE'
  expect(warning).toMatch(new RegExp(`^${error}: .*${part.replace('.', '\\.')}.* The call loads it`))
  expect(result).toBe('10.0.0.11:6443')
})

test('a call with TLS waits while too many files are open to read its certificates', async () => {
  const tls = "tls: { caFile: '/absent', certFile: '/absent', keyFile: '/absent' }, retry: { maxAttempts: 2 }"
  const { result, failures } = await call('https://127.0.0.1:9', { ...useEveryFile, options: tls })
  expect(result).toBe('tls-files-missing')
  expect(failures).toEqual([
    expect.stringMatching(/^tls-files-unreadable: the CA file \/absent cannot be read: EMFILE: too many open files/),
  ])
})

test.each([1, 2, 20, 40, 60])('a call loads grpc-js again after file %d of it could not be read', async (number) => {
  const prepare = `
    let count = 0
    registerHooks({
      load(url, context, next) {
        if (url.includes('/@grpc/grpc-js/') && ++count === ${number}) {
          throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
        }
        return next(url, context)
      },
    })`
  expect(await call(await startHostileEtcd({}), { prepare })).toEqual({
    result: '10.0.0.11:6443',
    failures: ['unavailable: a part of this package cannot be loaded: EMFILE: too many open files'],
  })
})
