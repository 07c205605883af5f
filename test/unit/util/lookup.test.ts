import dns from 'node:dns'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isLookingUp, lookup, lookupHost } from '../../../src/util/lookup.ts'

/** Replaces DNS: each look-up stays pending until the test answers it. */
function controlDns() {
  const lookups: { readonly host: string; readonly answer: PromiseWithResolvers<dns.LookupAddress[]> }[] = []
  const spy = vi.spyOn(dns.promises, 'lookup').mockImplementation(((host: string) => {
    const answer = Promise.withResolvers<dns.LookupAddress[]>()
    lookups.push({ host, answer })
    return answer.promise
  }) as unknown as typeof dns.promises.lookup)
  onTestFinished(() => spy.mockRestore())
  return lookups
}

const two: dns.LookupAddress[] = [
  { address: '10.0.0.1', family: 4 },
  { address: 'fd00::1', family: 6 },
]

test('lookupHost resolves with an IP address without a look-up', async () => {
  const lookups = controlDns()
  expect(await lookupHost('127.0.0.1')).toEqual(['127.0.0.1'])
  expect(await lookupHost('fd00::1')).toEqual(['fd00::1'])
  expect(lookups).toEqual([])
})

test('lookupHost looks up a name once at a time, for all callers', async () => {
  const lookups = controlDns()
  const results = [lookupHost('etcd-2.example'), lookupHost('etcd-2.example')]
  expect(isLookingUp('etcd-2.example')).toBe(true)
  expect(lookups.map(({ host }) => host)).toEqual(['etcd-2.example'])
  lookups[0]!.answer.resolve(two)
  expect(await Promise.all(results)).toEqual([
    ['10.0.0.1', 'fd00::1'],
    ['10.0.0.1', 'fd00::1'],
  ])
  expect(isLookingUp('etcd-2.example')).toBe(false)
  void lookupHost('etcd-2.example')
  expect(lookups).toHaveLength(2)
})

test('lookupHost rejects with the error of DNS, and looks up the name again the next time', async () => {
  const lookups = controlDns()
  const error = new Error('getaddrinfo ENOTFOUND etcd-3.example')
  const failed = lookupHost('etcd-3.example')
  lookups[0]!.answer.reject(error)
  await expect(failed).rejects.toBe(error)
  void lookupHost('etcd-3.example')
  expect(lookups).toHaveLength(2)
})

test.each([
  [{ all: true }, 'all.example', [null, two]],
  [{}, 'one.example', [null, '10.0.0.1', 4]],
])('lookup calls back as net.connect expects it with %j', async (options, host, expected) => {
  const lookups = controlDns()
  const called = new Promise<unknown[]>((resolve) => lookup(host, options, (...args) => resolve(args)))
  lookups[0]!.answer.resolve(two)
  expect(await called).toEqual(expected)
})

test('lookup calls back with the error of DNS', async () => {
  const lookups = controlDns()
  const error = new Error('getaddrinfo ENOTFOUND etcd-5.example')
  const called = new Promise<unknown>((resolve) => lookup('etcd-5.example', { all: true }, resolve))
  lookups[0]!.answer.reject(error)
  expect(await called).toBe(error)
})
