import { Metadata, status } from '@grpc/grpc-js'
import type { InterceptingCall, InterceptorOptions, StatusObject } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { GrpcCall } from '../../../../src/sources/etcd/grpc-call.ts'

/** Starts a call as etcd3 does, over a transport that the test controls. */
function start(call: GrpcCall) {
  const sent: Metadata[] = []
  const cancellations: [code: number, details: string][] = []
  const received: StatusObject[] = []
  let listener: { onReceiveStatus(received: StatusObject): void } | undefined
  const transport = {
    start(metadata: Metadata, transportListener: typeof listener) {
      sent.push(metadata)
      listener = transportListener
    },
    cancelWithStatus: (code: number, details: string) => void cancellations.push([code, details]),
  } as unknown as InterceptingCall
  const responseDeserialize = (message: Buffer) => void decoded.push(message)
  const decoded: Buffer[] = []
  const options = { method_definition: { responseDeserialize } } as unknown as InterceptorOptions
  const [interceptor] = call.options.interceptors!
  const intercepting = interceptor!(options, () => transport)
  return {
    sent,
    cancellations,
    received,
    decoded,
    start: () => intercepting.start(new Metadata(), { onReceiveStatus: (each) => void received.push(each) }),
    end: (ended: Partial<StatusObject>) => listener?.onReceiveStatus({ metadata: new Metadata(), ...ended } as never),
  }
}

test.each([
  ['without a token', undefined, { hasleader: 'true' }],
  ['with a token', 'some.token', { hasleader: 'true', token: 'some.token' }],
])('GrpcCall %s sends the right metadata', (_title, token, metadata) => {
  const started = start(new GrpcCall(token))
  started.start()
  expect(started.sent.map((each) => each.getMap())).toEqual([metadata])
})

test('GrpcCall.failedStatus is undefined while the call runs and when it has succeeded', () => {
  const call = new GrpcCall(undefined)
  const started = start(call)
  started.start()
  expect(call.failedStatus).toBeUndefined()
  started.end({ code: status.OK, details: 'OK' })
  expect(call.failedStatus).toBeUndefined()
  expect(started.received).toMatchObject([{ code: status.OK, details: 'OK' }])
})

test('GrpcCall keeps a failed status, and passes on one that etcd3 does not act on', () => {
  const call = new GrpcCall(undefined)
  const started = start(call)
  started.start()
  started.end({ code: status.UNAVAILABLE, details: 'etcdserver: no leader' })
  expect(call.failedStatus).toEqual({ code: status.UNAVAILABLE, details: 'etcdserver: no leader' })
  expect(started.received).toMatchObject([{ code: status.FAILED_PRECONDITION, details: '' }])
})

test('GrpcCall.failedStatus is an internal error for a status without code and details', () => {
  const call = new GrpcCall(undefined)
  const started = start(call)
  started.start()
  started.end({})
  expect(call.failedStatus).toEqual({ code: status.INTERNAL, details: 'a message that cannot be read' })
})

test('GrpcCall.cancel cancels a call that runs, and says that the cancellation is local', () => {
  const call = new GrpcCall(undefined)
  const started = start(call)
  started.start()
  call.cancel()
  expect(started.cancellations).toEqual([[status.CANCELLED, 'another connection took its place']])
})

test('GrpcCall.cancel before the start cancels the call when etcd3 starts it', () => {
  const call = new GrpcCall(undefined)
  call.cancel()
  const started = start(call)
  expect(started.cancellations).toEqual([])
  started.start()
  expect(started.cancellations).toEqual([[status.CANCELLED, 'another connection took its place']])
})

test('GrpcCall.decode uses the decoder of the method, and does nothing before the start', () => {
  const call = new GrpcCall(undefined)
  call.decode(Buffer.from('early'))
  const started = start(call)
  call.decode(Buffer.from('message'))
  expect(started.decoded).toEqual([Buffer.from('message')])
})
