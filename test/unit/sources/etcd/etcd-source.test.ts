import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { parseOptions } from '../../../../src/call/config.ts'
import type { Reason } from '../../../../src/errors.ts'
import type { ResolveOptions } from '../../../../src/index.ts'
import type { Connection, ConnectionOptions } from '../../../../src/sources/etcd/connection.ts'
import { EtcdSource } from '../../../../src/sources/etcd/etcd-source.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import type { Snapshot } from '../../../../src/sources/source.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { idle, VirtualClock } from '../../../support/clock.ts'
import { temporaryFolder } from '../../../support/folder.ts'

const reading: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 7n }

/** A connection that does as the test says, at the moment it says. */
class FakeConnection implements Connection {
  readonly options: ConnectionOptions
  stage: Connection['stage'] = 'connecting'
  closed = false
  reads = 0
  watches = 0
  readonly #standing = Promise.withResolvers<void>()
  #answer = Promise.withResolvers<Snapshot>()

  constructor(options: ConnectionOptions) {
    this.options = options
  }

  async read(_key: string, signal: AbortSignal): Promise<Snapshot> {
    this.reads++
    return this.#until(signal)
  }

  async watch(_key: string, _after: bigint, signal: AbortSignal): Promise<never> {
    this.watches++
    return this.#until(signal) as Promise<never>
  }

  answer(): void {
    this.stage = 'ready'
    this.#answer.resolve(reading)
  }

  fail(failure: Failure): void {
    this.#answer.reject(failure)
  }

  /** What comes next is pending again. */
  hold(): void {
    this.#answer = Promise.withResolvers()
  }

  stand(): void {
    this.stage = 'ready'
    this.#standing.resolve()
  }

  whenReady(): Promise<void> {
    return this.#standing.promise
  }

  close(): void {
    this.closed = true
  }

  async #until(signal: AbortSignal): Promise<Snapshot> {
    const aborted = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    return Promise.race([this.#answer.promise, aborted.promise])
  }
}

const clocks: VirtualClock[] = []
afterEach(() => {
  for (const clock of clocks.splice(0)) expect(clock.sleeping).toBe(0)
})

/** A source of plain-text endpoints a, b, c… and the connections it has made, in order. */
function start(
  names: string,
  { loadMs = 0, hesitates = false, ...options }: ResolveOptions & { loadMs?: number; hesitates?: boolean } = {},
) {
  const clock = new VirtualClock()
  clocks.push(clock)
  const made: FakeConnection[] = []
  const endpoints = names.split('').map((name) => `http://${name}:2379`)
  const config = parseOptions({ endpoints, ...options }, 'resolve')
  const knocks: PromiseWithResolvers<void>[] = []
  const connect = async (wanted: ConnectionOptions) => {
    if (loadMs > 0) await clock.sleep(loadMs, new AbortController().signal)
    const connection = new FakeConnection(wanted)
    made.push(connection)
    return connection
  }
  const source = new EtcdSource(config, clock, connect, (_endpoint, signal) => {
    const checkPort = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => checkPort.reject(signal.reason), { once: true })
    if (!hesitates) checkPort.resolve()
    knocks.push(checkPort)
    return checkPort.promise
  })
  const asked = () => made.map((connection) => connection.options.endpoint.host).join('')
  const latest = (name: string) => made.findLast((connection) => connection.options.endpoint.host === name)!
  const read = (signal = new AbortController().signal) => {
    const outcome = source.read(signal)
    outcome.catch(() => {})
    return outcome
  }
  return { clock, source, made, knocks, asked, latest, read }
}

const failure = (reason: Reason) => new Failure(reason, `it is ${reason}`)

describe('after an endpoint could not be reached', () => {
  /** One read has failed, and the next one has begun. */
  const again = async () => {
    const started = start('a', { hesitates: true })
    const first = started.read()
    await idle()
    started.latest('a').fail(failure('unreachable'))
    await expect(first).rejects.toThrow('it is unreachable')
    const second = started.read()
    await idle()
    return { ...started, second, checkPort: started.knocks[0]! }
  }

  test('it is asked again once it accepts a connection', async () => {
    const { second, checkPort, made, latest, knocks, read } = await again()
    expect(made.length).toBe(1)
    checkPort.resolve()
    await idle()
    latest('a').answer()
    expect(await second).toBe(reading)
    await read()
    expect([made.length, knocks.length]).toEqual([2, 1])
  })

  test('it is not asked as long as it accepts none', async () => {
    const { second, checkPort, made, knocks, read } = await again()
    checkPort.reject(failure('unreachable'))
    await expect(second).rejects.toThrow('it is unreachable')
    const third = read()
    await idle()
    expect([made.length, knocks.length]).toEqual([1, 2])
    knocks[1]!.reject(failure('unreachable'))
    await expect(third).rejects.toThrow('it is unreachable')
  })

  test('a connection that takes too long is left to the next attempt', async () => {
    const { second, clock, made, knocks, latest, read } = await again()
    await clock.advance(5000)
    await expect(second).rejects.toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('no connection yet'),
    })
    const third = read()
    await idle()
    expect([made.length, knocks.length]).toEqual([2, 1])
    latest('a').answer()
    expect(await third).toBe(reading)
  })
})

describe('of several endpoints', () => {
  test('the first that answers is enough, and stays the first', async () => {
    const { read, latest, asked, source } = start('abc')
    const first = read()
    await idle()
    latest('a').answer()
    expect(await first).toBe(reading)
    await read()
    expect([asked(), latest('a').reads, source.endpoint]).toEqual(['a', 2, 'http://a:2379'])
  })

  test('the next is asked at once when one fails', async () => {
    const { clock, read, latest, asked, source } = start('abc')
    const outcome = read()
    await idle()
    latest('a').fail(failure('unreachable'))
    await idle()
    latest('b').fail(failure('no-leader'))
    await idle()
    latest('c').answer()
    expect(await outcome).toBe(reading)
    expect([clock.now(), asked(), source.endpoint]).toEqual([0, 'abc', 'http://c:2379'])
    expect([latest('a').closed, latest('b').closed, latest('c').closed]).toEqual([true, true, false])
  })

  test('the next is asked half a second later when one is silent, and whoever answers first has it', async () => {
    const { clock, read, latest, asked } = start('abc')
    const outcome = read()
    await clock.advance(499)
    expect(asked()).toBe('a')
    await clock.advance(1)
    expect(asked()).toBe('ab')
    await clock.advance(500)
    expect(asked()).toBe('abc')
    latest('b').answer()
    expect(await outcome).toBe(reading)
    expect([latest('a').closed, latest('b').closed, latest('c').closed]).toEqual([true, false, true])
  })

  test('all have their turn in even the shortest attempt', async () => {
    const { clock, read, asked } = start('abcd', { attemptTimeoutMs: 50 })
    const outcome = read()
    await clock.advance(50)
    await expect(outcome).rejects.toMatchObject({ reason: 'unreachable' })
    expect(asked()).toBe('abcd')
  })

  test('the one that has failed is asked last the next time', async () => {
    const { read, latest, asked } = start('ab')
    const first = read()
    await idle()
    latest('a').fail(failure('unreachable'))
    await idle()
    latest('b').fail(failure('unreachable'))
    await expect(first).rejects.toMatchObject({ reason: 'unreachable' })
    const second = read()
    await idle()
    latest('b').answer()
    await second
    expect(asked()).toBe('abb')
  })

  test.each<[told: Reason, others: Reason[]]>([
    ['no-leader', ['unreachable', 'no-leader', 'timeout']],
    ['no-leader', ['no-leader', 'learner']],
    ['learner', ['unreachable', 'learner']],
    ['unavailable', ['unavailable', 'timeout']],
    ['timeout', ['unreachable', 'timeout', 'unreachable']],
    ['unreachable', ['rejected', 'unreachable']],
    ['unreachable', ['tls-rejected', 'unreachable']],
    ['tls-rejected', ['rejected', 'tls-rejected']],
    ['rejected', ['rejected', 'rejected']],
    ['unauthenticated', ['unreachable', 'unauthenticated']],
    ['permission-denied', ['timeout', 'permission-denied']],
    ['invalid-value', ['invalid-value', 'unreachable']],
  ])('%s is told of %j', async (told, reasons) => {
    const names = 'abc'.slice(0, reasons.length)
    const { read, latest } = start(names)
    const outcome = read()
    for (const [index, reason] of reasons.entries()) {
      await idle()
      latest(names[index]!)?.fail(failure(reason))
    }
    await expect(outcome).rejects.toMatchObject({ reason: told })
  })

  test.each<Reason>(['unauthenticated', 'permission-denied', 'invalid-value'])(
    'one that says %s speaks for all, at once',
    async (reason) => {
      const { clock, read, latest, asked } = start('abc')
      const outcome = read()
      await clock.advance(500)
      latest('b').fail(failure(reason))
      await expect(outcome).rejects.toMatchObject({ reason })
      expect([clock.now(), asked()]).toEqual([500, 'ab'])
    },
  )
})

describe('an attempt that is over', () => {
  test.each<[stage: Connection['stage'], reason: Reason, message: RegExp, kept: boolean]>([
    ['connecting', 'unreachable', /a:2379: no connection yet; packets may be dropped on the way/, true],
    ['handshake', 'timeout', /a:2379: TCP connected, but nothing answers/, true],
    ['ready', 'timeout', /a:2379: etcd took the request and does not answer/, false],
  ])('says how far it came: %s', async (stage, reason, message, kept) => {
    const { clock, source, read, latest } = start('a')
    const outcome = read()
    await idle()
    latest('a').stage = stage
    expect(source.pending()).toMatchObject({ reason, message: expect.stringMatching(message) })
    await clock.advance(5000)
    await expect(outcome).rejects.toMatchObject({ reason, message: expect.stringMatching(message) })
    expect(latest('a').closed).toBe(!kept)
  })

  test.each<[reason: Reason, of: string]>([
    ['unreachable', 'a'],
    ['no-leader', 'a'],
    ['no-leader', 'b'],
  ])('names, after %s of %s, the other one of two', async (reason, of) => {
    const { clock, source, read, latest } = start('ab')
    void read()
    await clock.advance(600)
    latest(of).fail(failure(reason))
    await idle()
    const other = of === 'a' ? 'b' : 'a'
    expect(source.pending()?.message).toMatch(`${other}:2379: no connection yet`)
    await clock.advance(5000)
  })

  test('leaves a connection that may yet stand, and tells when it does', async () => {
    const { clock, source, read, latest, made } = start('ab')
    const outcome = read()
    await idle()
    latest('a').stage = 'handshake'
    await clock.advance(5000)
    await expect(outcome).rejects.toMatchObject({ reason: 'timeout' })
    let connected = false
    const standing = source.whenConnected().then(() => (connected = true))
    await idle()
    expect(connected).toBe(false)
    latest('a').stand()
    await standing
    // This is the one that is read from then, and the one that never came to stand is given up.
    latest('a').hold()
    const next = read()
    await clock.advance(600)
    latest('a').answer()
    await next
    expect(made.filter(({ closed }) => !closed)).toEqual([latest('a')])
  })

  test('before anything could be asked is a timeout like any other, and what is made too late is closed', async () => {
    const { clock, made, read } = start('ab', { loadMs: 3000, attemptTimeoutMs: 1000 })
    const outcome = read()
    await clock.advance(10_000)
    await expect(outcome).rejects.toMatchObject({ name: 'Failure', reason: 'timeout' })
    expect(made.map(({ closed }) => closed)).toEqual([true, true])
  })

  test('gives way to a new connection where the old one does not stand', async () => {
    const { clock, read, latest, made } = start('a')
    const first = read()
    await clock.advance(5000)
    await expect(first).rejects.toMatchObject({ reason: 'unreachable' })
    const second = read()
    await idle()
    expect(made.map(({ closed }) => closed)).toEqual([true, false])
    latest('a').answer()
    await second
  })
})

test('an abort ends a read at once, with its own reason', async () => {
  const { read, clock } = start('ab')
  const controller = new AbortController()
  const outcome = read(controller.signal)
  await clock.advance(600)
  controller.abort('enough')
  await expect(outcome).rejects.toBe('enough')
})

test('closed while it connects, it keeps no connection', async () => {
  const { read, source, made, clock } = start('a', { loadMs: 100 })
  const controller = new AbortController()
  const outcome = read(controller.signal)
  await clock.advance(50)
  source.close()
  controller.abort('closed')
  await clock.advance(100)
  await expect(outcome).rejects.toBe('closed')
  expect(made.map(({ closed }) => closed)).toEqual([true])
})

describe('a watch', () => {
  test('is had from the endpoint that answered', async () => {
    const { read, latest, source } = start('ab')
    const outcome = read()
    await idle()
    latest('a').fail(failure('learner'))
    await idle()
    latest('b').answer()
    await outcome
    await source.watch(7n, new AbortController().signal)
    expect([latest('a').watches, latest('b').watches]).toEqual([0, 1])
  })

  test('that is not confirmed within an attempt is none', async () => {
    const { read, latest, source, clock } = start('a')
    const outcome = read()
    await idle()
    latest('a').answer()
    await outcome
    latest('a').hold()
    const watch = source.watch(7n, new AbortController().signal)
    watch.catch(() => {})
    await clock.advance(5000)
    await expect(watch).rejects.toMatchObject({ reason: 'timeout' })
  })

  test('is not had without a connection', async () => {
    const { source } = start('a')
    await expect(source.watch(0n, new AbortController().signal)).rejects.toMatchObject({ reason: 'unavailable' })
  })
})

describe('certificate files', () => {
  /** A source of one endpoint with TLS, and its files. */
  async function secure() {
    const authority = await createAuthority()
    const folder = temporaryFolder()
    const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
    const write = async (half?: 'half') => {
      const { cert, key } = await authority.issue({ commonName: 'client' })
      await writeFile(tls.caFile, authority.cert)
      await writeFile(tls.certFile, cert)
      if (half === undefined) await writeFile(tls.keyFile, key)
    }
    await write()
    const clock = new VirtualClock()
    const made: FakeConnection[] = []
    const config = parseOptions({ endpoints: 'https://a:2379', tls }, 'resolve')
    const source = new EtcdSource(config, clock, async (options) => {
      const connection = new FakeConnection(options)
      made.push(connection)
      connection.answer()
      return connection
    })
    return { source, made, write, read: () => source.read(new AbortController().signal) }
  }

  test('that are as they were serve the connection that stands', async () => {
    const { read, made } = await secure()
    await read()
    await read()
    expect(made.map(({ reads, closed }) => ({ reads, closed }))).toEqual([{ reads: 2, closed: false }])
  })

  test('that have changed make a new connection, and another fingerprint', async () => {
    const { read, made, write, source } = await secure()
    await read()
    const before = source.fingerprint
    await write()
    await read()
    expect(made.map(({ reads, closed }) => ({ reads, closed }))).toEqual([
      { reads: 1, closed: true },
      { reads: 1, closed: false },
    ])
    expect(source.fingerprint).not.toBe(before)
  })

  test('that are rotated only in half are not what failed before', async () => {
    const { read, write, source } = await secure()
    await read()
    const before = source.fingerprint
    await write('half')
    await expect(read()).rejects.toMatchObject({ reason: 'tls-rejected' })
    expect(source.fingerprint).not.toBe(before)
  })
})
