// Plays a booting RKE2 server against a real etcd, with the real command beside it, and shows what each of them did.
// It is a check as well: the exit code is 0 only if the command saw every step for what it was.
import { EventEmitter, on } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { findEtcd } from './etcd.ts'
import { startResolver } from './resolver.ts'
import type { Sight } from './resolver.ts'
import { openScreen } from './screen.ts'
import { createServer } from './server.ts'

const apiservers = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443'] as const
const pauseMs = 900 // between steps, for the reader
const patienceMs = 12_000 // with one step: with RKE2's election timeout, etcd takes up to 6 s to get a leader

// How far the server has come when the resolver gives this reason. It must not go back, nor give any other.
const progress: Record<string, number> = {
  'tls-files-missing': 1,
  unreachable: 2,
  timeout: 3,
  'no-leader': 3,
  unavailable: 3,
  'not-set': 4,
  incomplete: 5,
  resolved: 6,
}

// Whatever ends the demo early aborts this and with it every wait; what was started is stopped on the way out.
const over = new AbortController()
const fail = (message: string) => over.abort(new Error(message))

for (const [signal, exitCode] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => {
    process.exitCode = exitCode
    fail(`interrupted by ${signal}`)
  })
}
process.stdout.on('error', ({ message }) => fail(message)) // its reader is gone

try {
  await demo()
} catch (error) {
  process.exitCode ||= 1
  const { name, message, cause } = error as Error
  console.error(`\nThe demo did not get to its end: ${name === 'AbortError' ? (cause as Error).message : message}`)
}

async function demo(): Promise<void> {
  const etcd = await findEtcd(over.signal)
  await using server = await createServer(etcd)
  const location = ['--data-dir', server.dataDir, '--endpoints', server.endpoint]
  const waiting = ['--min', '3', '--log-level', 'debug']

  console.log(`An RKE2 server boots, with ${etcd.description}. Beside it runs:\n`)
  console.log(`  rke2-apiserver-resolver ${waiting.join(' ')} \\\n    ${location.join(' ')}\n`)

  const screen = openScreen()
  const log = new EventEmitter<{ sight: [Sight] }>()
  const sights = on(log, 'sight', { signal: over.signal })
  let last: Sight | undefined

  /** Does it, and waits until the resolver has noticed: it is in that phase, and what it says is new. */
  async function step(action: string, phase: string, act: () => unknown): Promise<void> {
    if (last) await sleep(pauseMs, undefined, { signal: over.signal })
    const since = performance.now()
    screen.server(action)
    await act()

    const impatience = setTimeout(
      fail,
      patienceMs,
      `the resolver did not say "${phase}" in ${patienceMs / 1000} s`,
    ).unref()
    for (let noticed = false; !noticed;) {
      const [sight] = (await sights.next()).value as [Sight]
      const reached = progress[sight.reason] ?? -1
      if (reached < (progress[last?.reason ?? ''] ?? 0)) {
        throw new Error(`"${sight.reason}" is not what the resolver should say now: ${sight.message}`)
      }
      const isNewPhase = sight.reason !== last?.reason
      noticed = sight.reason === phase && (isNewPhase || sight.message !== last?.message)
      if (noticed || isNewPhase) screen.resolver(sight, since)
      last = sight
    }
    clearTimeout(impatience)
  }

  await using resolver = startResolver([...waiting, ...location], (sight) => log.emit('sight', sight))
  const outcome = resolver.outcome
  void outcome.then(({ exitCode, lastWords }) => fail(`the resolver ended with exit code ${exitCode}: ${lastWords}`))

  await step('boots; there are no certificates yet', 'tls-files-missing', () => {})
  await step('writes its certificates', 'unreachable', () => server.writeCertificates())
  await step('starts etcd, which takes up to 6 s to elect a leader', 'not-set', () =>
    server.startEtcd((lastWords) => fail(`etcd has ended: ${lastWords}`)),
  )

  const put = await server.openWriter()
  const write = (story: string, phase: string, value: string) =>
    step(`${story}: ${value.trim() || '""'}`, phase, () => put(value))
  // As RKE2's writer does it, with a newline.
  const writeList = (story: string, phase: string, addresses: readonly string[]) =>
    write(story, phase, `${JSON.stringify(addresses)}\n`)

  await write(`blanks ${server.key}, as a cluster reset does`, 'not-set', '')
  await writeList('writes a list without a ready apiserver', 'not-set', [])
  await writeList('has one apiserver', 'incomplete', apiservers.slice(0, 1))
  await writeList('has a second one', 'incomplete', apiservers.slice(0, 2))
  await writeList('loses it again, as one that joins comes and goes', 'incomplete', apiservers.slice(0, 1))
  await writeList('has all three', 'resolved', apiservers)

  const { exitCode, addresses } = await outcome
  console.log(`\nThe command ended with exit code ${exitCode} and printed:\n`)
  for (const address of addresses) console.log(`  ${address}`)
  if (exitCode !== 0 || !isDeepStrictEqual(addresses, apiservers)) throw new Error('this is not what etcd holds')
}
