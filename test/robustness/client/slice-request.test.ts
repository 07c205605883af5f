import { expect, test } from 'vitest'
import { isAcknowledged, markedWrite, sliceRequest, writeMark } from '../../../robustness/client/slice-request.ts'

test('sliceRequest puts the endpoints and the number of the write into the slice', () => {
  const endpoints = [
    { address: '[fd00::5]:6443', ready: true },
    { address: '[fd00::6]:6443', ready: false },
  ]
  const { method, path, body } = sliceRequest({ type: 'put', name: 'kubernetes-ipv6', endpoints }, 17, undefined)
  expect([method, path]).toEqual(['PUT', expect.stringMatching(/\/endpointslices\/kubernetes-ipv6$/)])
  expect(body).toMatchObject({
    metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' }, annotations: { write: 'write-17;' } },
    addressType: 'IPv6',
    endpoints: [
      { addresses: ['fd00::5'], conditions: { ready: true } },
      { addresses: ['fd00::6'], conditions: { ready: false } },
    ],
  })
})

test('sliceRequest deletes one version of a slice only', () => {
  const { method, body } = sliceRequest({ type: 'delete', name: 'kubernetes' }, 1, 42)
  expect({ method, body }).toEqual({ method: 'DELETE', body: { preconditions: { resourceVersion: '42' } } })
})

test('sliceRequest writes a slice of another Service for an unrelated write', () => {
  const { path, body } = sliceRequest({ type: 'unrelated' }, 1, undefined)
  expect(path).toMatch(/\/other$/)
  expect(body).toMatchObject({ metadata: { labels: { 'kubernetes.io/service-name': 'other' } } })
})

test('markedWrite finds the number of a write in the bytes of a stored slice', () => {
  expect(markedWrite(Buffer.from(`\u0000k8s ${writeMark(17)}\u00ff1`))).toBe(17)
  expect(markedWrite(Buffer.from('another slice'))).toBeUndefined()
})

test('isAcknowledged throws for a status that leaves the outcome of a write unknown', () => {
  expect([200, 201, 404, 409, 429].map((status) => isAcknowledged(status))).toEqual([true, true, false, false, false])
  for (const status of [408, 500, 503, 504]) expect(() => isAcknowledged(status)).toThrow(String(status))
})
