import { KubeConfig } from '@kubernetes/client-node'
import { createFakeApiservers } from 'rke2-apiserver-resolver/testing'
import { expect, test } from 'vitest'
import { Apiservers } from './apiservers.ts'
import { follow } from './follow.ts'

const base = new KubeConfig()
base.loadFromClusterAndUser({ name: 'a', server: 'https://a:6443', skipTLSVerify: false }, { name: 'a', token: 'a' })

test('the controller uses a list, its growth and its removals, and keeps the last list in an outage', async () => {
  const fake = createFakeApiservers({ manualTime: true })
  const apiservers = new Apiservers(base, () => {})
  const stop = new AbortController()
  const following = follow(fake.watchApiserverAddresses, apiservers, stop.signal)
  const [a, b, c] = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']

  fake.set([a, b])
  await fake.advance(0)
  expect(apiservers.addresses).toEqual([a, b])

  fake.set([a, b, c])
  await fake.advance(0)
  expect(apiservers.addresses).toEqual([a, b, c])

  fake.setProbe(a, 'dead')
  await fake.advance(15_000)
  expect(apiservers.addresses).toEqual([b, c, a])

  fake.set([b, c])
  await fake.advance(3000)
  expect(apiservers.addresses).toEqual([b, c])

  fake.fail('unreachable')
  fake.set([c])
  await fake.advance(600_000)
  expect(apiservers.addresses).toEqual([b, c])

  fake.recover()
  await fake.advance(3000)
  expect(apiservers.addresses).toEqual([c])

  stop.abort()
  await following
  expect(fake.calls).toEqual([])
})
