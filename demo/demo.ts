// Boots an RKE2 server with a real etcd, runs the command beside it, and shows what each of them does.
// The demo is also a check: its exit code is 0 only if the command reported each step as expected.
import { isDeepStrictEqual } from 'node:util'
import { findEtcd } from './etcd.ts'
import { startResolver } from './resolver.ts'
import { openScreen } from './screen.ts'
import { createServer } from './server.ts'
import { Steps } from './steps.ts'

const apiservers = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443'] as const

// Everything that ends the demo early aborts this signal. Every wait listens to it, and what was started is stopped.
const abort = new AbortController()
const fail = (message: string) => abort.abort(new Error(message))

for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => {
    process.exitCode = exitCode
    fail(`interrupted by ${signal}`)
  })
}
process.stdout.on('error', ({ message }) => fail(message)) // the reader of stdout has closed it

try {
  await demo()
} catch (error) {
  process.exitCode ||= 1
  const { name, message, cause } = error as Error
  console.error(`\nThe demo failed: ${name === 'AbortError' ? (cause as Error).message : message}`)
}

async function demo(): Promise<void> {
  const etcd = await findEtcd(abort.signal)
  await using server = await createServer(etcd)
  const location = ['--data-dir', server.dataDir, '--endpoints', server.endpoint]
  const flags = ['--min', '3', '--log-level', 'debug']

  console.log(`An RKE2 server boots, with ${etcd.description}. Beside it runs:\n`)
  console.log(`  rke2-apiserver-resolver ${flags.join(' ')} \\\n    ${location.join(' ')}\n`)

  const steps = new Steps(openScreen(), abort)
  await using resolver = startResolver([...flags, ...location], (line) => steps.log(line))
  const { outcome } = resolver
  void outcome.then(({ exitCode, lastOutput }) => fail(`the command exited with code ${exitCode}: ${lastOutput}`))

  const step = steps.run.bind(steps)
  await step('boots; there are no certificates yet', 'tls-files-missing', () => {})
  await step('writes its certificates', 'unreachable', () => server.writeCertificates())
  await step('starts etcd, which takes up to 6 s to elect a leader', 'not-set', () =>
    server.startEtcd((lastLine) => fail(`etcd exited: ${lastLine}`)),
  )

  const put = await server.openWriter()
  const write = (action: string, reason: string, value: string) =>
    step(`${action}: ${value.trim() || '""'}`, reason, () => put(value))
  // With a newline, as RKE2 writes it.
  const writeList = (action: string, reason: string, addresses: readonly string[]) =>
    write(action, reason, `${JSON.stringify(addresses)}\n`)

  await write(`empties ${server.key}, as a cluster reset does`, 'not-set', '')
  await writeList('writes a list without a ready apiserver', 'not-set', [])
  await writeList('has one apiserver', 'incomplete', apiservers.slice(0, 1))
  await writeList('has a second apiserver', 'incomplete', apiservers.slice(0, 2))
  await writeList('loses the second one again, as happens while a server joins', 'incomplete', apiservers.slice(0, 1))
  await writeList('has all three apiservers', 'resolved', apiservers)

  const { exitCode, addresses } = await outcome
  console.log(`\nThe command ended with exit code ${exitCode} and printed:\n`)
  for (const address of addresses) console.log(`  ${address}`)
  if (exitCode !== 0 || !isDeepStrictEqual(addresses, apiservers)) {
    throw new Error('the command did not print the list that is stored in etcd')
  }
}
