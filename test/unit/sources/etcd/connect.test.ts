import { expect, test } from 'vitest'
import { createConnect } from '../../../../src/sources/etcd/connect.ts'
import type { EtcdConnectionOptions } from '../../../../src/sources/etcd/options.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { ControlledConnection, etcdOptions } from '../../../support/etcd-source.ts'

const [one, other] = [endpointOf('http://a:2379'), endpointOf('http://b:2379')]

function create() {
  const made: EtcdConnectionOptions[] = []
  const credentials = { username: 'user', password: 'password' }
  const connect = createConnect(etcdOptions({ key: 'some/key', credentials }), async (options) => {
    made.push(options)
    return new ControlledConnection(options)
  })
  return { made, connect, credentials }
}

test('createConnect gives each connection the key and the credentials of the call', async () => {
  const { made, connect, credentials } = create()
  await connect(one, undefined)
  expect(made).toMatchObject([{ endpoint: one, key: 'some/key', credentials, keepaliveMs: 10_000 }])
})

test('createConnect doubles the time between pings after each refusal of pings, up to 5 minutes', async () => {
  const { made, connect } = create()
  for (let refusals = 0; refusals < 7; refusals++) {
    await connect(one, undefined)
    made.at(-1)!.onExcessPings()
  }
  const keepaliveMs = made.map((options) => options.keepaliveMs)
  expect(keepaliveMs).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
  await connect(other, undefined)
  expect(made.at(-1)!.keepaliveMs).toBe(10_000)
})
