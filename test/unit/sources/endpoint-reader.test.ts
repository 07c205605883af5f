import { expect, onTestFinished, test } from 'vitest'
import { parseEndpoints } from '../../../src/addresses/endpoint.ts'
import type { Endpoint } from '../../../src/addresses/endpoint.ts'
import type { EndpointBehaviour } from '../../../src/sources/endpoint-options.ts'
import { EndpointReader } from '../../../src/sources/endpoint-reader.ts'
import { createLateFailure } from '../../../src/sources/late.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { connectionDefaults, endpointOf } from '../../support/endpoint.ts'
import { ControlledConnection, snapshot } from '../../support/etcd-source.ts'

const urlOf = (host: string) => `http://${host}:2379`

/**
 * Starts a reader of the endpoints a, b, c… with the spare endpoints x, y, z… over controlled connections.
 *
 * The test fails if a sleep of the reader is left at its end.
 */
function startReader(
  hosts: string,
  spare: string | undefined,
  behaviour: Partial<EndpointBehaviour> = {},
  attemptTimeoutMs = 10_000,
) {
  const clock = new VirtualClock()
  onTestFinished(() => expect(clock.sleeping).toBe(0))
  const connections: ControlledConnection[] = []
  const cluster = { spare: spare ?? '', searches: 0 }
  const spareEndpoints = async (): Promise<readonly Endpoint[]> => {
    cluster.searches++
    return cluster.spare.split('').map((host) => endpointOf(urlOf(host)))
  }
  const reader = new EndpointReader(
    {
      endpoints: parseEndpoints(hosts.split('').map(urlOf), 2379),
      tls: { caFile: '/none' },
      logger: undefined,
      attemptTimeoutMs,
    },
    clock,
    {
      connect: async (endpoint) => {
        const connection = new ControlledConnection({ ...connectionDefaults, endpoint })
        connections.push(connection)
        return connection
      },
      lateFailure: createLateFailure('the apiserver', 'it may be frozen'),
      isClusterWide: () => false,
      ...(spare !== undefined && { spareEndpoints }),
      ...behaviour,
    },
  )
  const latest = (host: string): ControlledConnection => {
    const connection = connections.findLast((each) => each.host === host)
    if (connection === undefined) throw new Error(`${host} has no connection`)
    return connection
  }
  return {
    clock,
    reader,
    cluster,
    latest,
    /** The hosts of all connections, in the order in which they were made. */
    connectedHosts: () => connections.map(({ host }) => host).join(''),
    read: (signal = new AbortController().signal) => {
      const result = reader.read(signal)
      result.catch(() => {})
      return result
    },
    /** Lets endpoints refuse one after the other. */
    refuse: async (failing: string) => {
      for (const host of failing) {
        await idle()
        latest(host).fail('unreachable')
      }
      await idle()
    },
  }
}

/** Starts a reader whose endpoint a has failed, and whose spare endpoint x has answered. */
async function startOnSpare(...options: Parameters<typeof startReader>) {
  const parts = startReader(...options)
  const result = parts.read()
  await parts.refuse('a')
  parts.latest('x').answer()
  await result
  return parts
}

test('EndpointReader.read looks for no spare endpoint when an endpoint answers in time', async () => {
  const { clock, read, latest, cluster, connectedHosts, reader } = startReader('ab', 'x')
  const result = read()
  await clock.advance(2999)
  latest('b').answer()
  expect(await result).toBe(snapshot)
  await clock.advance(10_000)
  expect([cluster.searches, connectedHosts(), reader.endpoint]).toEqual([0, 'ab', urlOf('b')])
})

test('EndpointReader.read reads a spare endpoint after 3 s of silence', async () => {
  const { clock, read, latest, connectedHosts, reader } = startReader('ab', 'x')
  const result = read()
  await clock.advance(2999)
  expect(connectedHosts()).toBe('ab')
  await clock.advance(1)
  expect(connectedHosts()).toBe('abx')
  latest('x').answer()
  expect(await result).toBe(snapshot)
  expect([latest('a').closed, latest('b').closed, latest('x').closed]).toEqual([true, true, false])
  expect(reader.endpoint).toBe(urlOf('x'))
})

test('EndpointReader.read returns the late answer of an endpoint while the spare one is silent', async () => {
  const { clock, read, latest, reader } = startReader('a', 'x')
  const result = read()
  await clock.advance(3000)
  latest('a').answer()
  expect(await result).toBe(snapshot)
  expect([latest('x').closed, reader.endpoint]).toEqual([true, urlOf('a')])
})

test('EndpointReader.read reads a spare endpoint at once when all endpoints have failed', async () => {
  const { clock, read, latest, refuse, connectedHosts } = startReader('ab', 'x')
  const result = read()
  await refuse('ab')
  expect([connectedHosts(), clock.now()]).toEqual(['abx', 0])
  latest('x').answer()
  expect(await result).toBe(snapshot)
})

test('EndpointReader.read reads the next spare endpoint when one fails or is silent for 500 ms', async () => {
  const { clock, read, latest, refuse, connectedHosts } = startReader('a', 'xyz')
  const result = read()
  await refuse('ax')
  expect(connectedHosts()).toBe('axy')
  await clock.advance(1000)
  expect(connectedHosts()).toBe('axyz')
  latest('z').answer()
  expect(await result).toBe(snapshot)
})

test('EndpointReader.read reads a spare endpoint within half of a short attemptTimeoutMs', async () => {
  const { clock, read, latest, connectedHosts } = startReader('a', 'x', {}, 2000)
  const result = read()
  await clock.advance(1000)
  expect(connectedHosts()).toBe('ax')
  latest('x').answer()
  expect(await result).toBe(snapshot)
})

test('EndpointReader.read reads no spare endpoint that is one of its endpoints', async () => {
  const { read, refuse, connectedHosts } = startReader('ab', 'bax')
  const result = read()
  await refuse('abx')
  await expect(result).rejects.toMatchObject({ reason: 'unreachable' })
  expect(connectedHosts()).toBe('abx')
})

test('EndpointReader.read rejects with the failure that got furthest when the spare endpoints have failed too', async () => {
  const { read, latest, refuse } = startReader('a', 'xy')
  const result = read()
  await refuse('a')
  latest('x').fail('no-leader')
  await refuse('y')
  await expect(result).rejects.toMatchObject({ reason: 'no-leader' })
})

test('EndpointReader.read rejects with the failure of its endpoints when there is no spare one', async () => {
  const { clock, read, refuse } = startReader('ab', '')
  const result = read()
  await refuse('ab')
  await expect(result).rejects.toMatchObject({ reason: 'unreachable' })
  expect(clock.now()).toBe(0)
})

test('EndpointReader.read without spareEndpoints rejects when its endpoints have failed', async () => {
  const { read, refuse, connectedHosts } = startReader('ab', undefined)
  const result = read()
  await refuse('ab')
  await expect(result).rejects.toMatchObject({ reason: 'unreachable' })
  expect(connectedHosts()).toBe('ab')
})

test('EndpointReader.read rejects after attemptTimeoutMs when the search for spare endpoints never ends', async () => {
  const spareEndpoints = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const { clock, read, refuse } = startReader('a', '', { spareEndpoints })
  const result = read()
  await refuse('a')
  await clock.advance(10_000)
  await expect(result).rejects.toMatchObject({ reason: 'unreachable' })
})

test('EndpointReader.read rejects with signal.reason when it is aborted while it reads a spare endpoint', async () => {
  const { read, refuse } = startReader('a', 'x')
  const controller = new AbortController()
  const result = read(controller.signal)
  await refuse('a')
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
})

test('EndpointReader.read reads the spare endpoint that has answered first, over the same connection', async () => {
  const { read, latest, cluster, connectedHosts } = await startOnSpare('a', 'x')
  await read()
  expect([connectedHosts(), latest('x').reads, cluster.searches]).toEqual(['ax', 2, 1])
})

test('EndpointReader.watch opens the watch on the spare endpoint that has answered', async () => {
  const { reader, latest } = await startOnSpare('a', 'x')
  await reader.watch(7n, new AbortController().signal)
  expect([latest('a').watches, latest('x').watches]).toEqual([0, 1])
})

test('EndpointReader.read returns to its endpoints when the spare one fails', async () => {
  const { read, latest, refuse, connectedHosts, reader } = await startOnSpare('a', 'x')
  latest('x').hold()
  const result = read()
  await refuse('x')
  expect(connectedHosts()).toBe('axa')
  latest('a').answer()
  expect(await result).toBe(snapshot)
  await read()
  expect([connectedHosts(), reader.endpoint, latest('a').reads]).toEqual(['axa', urlOf('a'), 2])
})

test('EndpointReader.read reads its endpoints after 500 ms of silence of the spare one', async () => {
  const { clock, read, latest, connectedHosts } = await startOnSpare('a', 'x')
  latest('x').hold()
  const result = read()
  await clock.advance(499)
  expect(connectedHosts()).toBe('ax')
  await clock.advance(1)
  expect(connectedHosts()).toBe('axa')
  latest('a').answer()
  expect(await result).toBe(snapshot)
})

test('EndpointReader.read reads another spare endpoint when the one that answered fails, with those of now', async () => {
  const { read, latest, cluster, refuse, connectedHosts, reader } = await startOnSpare('a', 'x')
  cluster.spare = 'xy'
  latest('x').hold()
  const result = read()
  await refuse('xa')
  expect(connectedHosts()).toBe('axay')
  latest('y').answer()
  expect(await result).toBe(snapshot)
  expect(reader.endpoint).toBe(urlOf('y'))
})

test('EndpointReader.read reads its endpoints first after an attempt in which the spare one has failed too', async () => {
  const { read, latest, refuse, connectedHosts, reader } = await startOnSpare('a', 'x')
  latest('x').hold()
  const failed = read()
  await refuse('xa')
  await expect(failed).rejects.toMatchObject({ reason: 'unreachable' })
  expect(reader.endpoint).toBe(urlOf('a'))
  const result = read()
  await idle()
  expect(connectedHosts()).toBe('axaa')
  latest('a').answer()
  expect(await result).toBe(snapshot)
})
