import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { temporaryFolder } from '../support/folder.ts'
import { unusedPort } from '../support/net.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The flags of Node's permission model. Node 22.12 has it under another name, and later versions restrict sockets too. */
const flags = [
  process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission',
  ...(process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []),
]

const names = ['server-ca.crt', 'client.crt', 'client.key'] as const

/** Makes a call in a process that can read nothing but the package and these paths, while etcd does not run. */
async function call(paths: (folder: string) => string[], withTls: boolean): Promise<unknown> {
  const dataDir = temporaryFolder()
  const folder = join(dataDir, 'server/tls/etcd')
  await mkdir(folder, { recursive: true })
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({ commonName: 'client' })
  for (const [index, content] of [authority.cert, cert, key].entries()) {
    await writeFile(join(folder, names[index]!), content, { mode: 0o600 })
  }
  const [caFile, certFile, keyFile] = names.map((name) => join(folder, name))
  const options = {
    dataDir,
    endpoints: `https://127.0.0.1:${await unusedPort()}`,
    retry: { maxAttempts: 2, initialDelayMs: 1 },
    ...(withTls && { tls: { caFile, certFile, keyFile } }),
  }
  const file = join(temporaryFolder(), 'call.mjs')
  writeFileSync(
    file,
    `import { resolveApiserverAddresses } from ${JSON.stringify(join(root, 'dist/index.js'))}
     const error = await resolveApiserverAddresses(${JSON.stringify(options)}).catch((reason) => reason)
     console.log(JSON.stringify({ name: error.name, code: error.code, reason: error.reason, message: error.message }))`,
  )
  const allowed = [`${root}/`, file, ...paths(folder)].map((path) => `--allow-fs-read=${path}`)
  const { stdout } = await run(process.execPath, ['--no-warnings', ...flags, ...allowed, file])
  return JSON.parse(stdout)
}

test.each([
  ['only the folder of the certificates can be read', false, (folder: string) => [`${folder}/`]],
  ['only the three files of tls can be read', true, (folder: string) => names.map((name) => join(folder, name))],
])('resolve waits for etcd under node --permission when %s', async (_title, withTls, paths) => {
  expect(await call(paths, withTls)).toEqual({
    name: 'ApiserverAddressError',
    code: 'ATTEMPTS_EXHAUSTED',
    reason: 'unreachable',
    // Without a hint, because the data directory cannot be looked at.
    message: expect.stringMatching(/etcd cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)$/),
  })
})
