import { expect, test } from 'vitest'
import { SliceLog } from '../../../robustness/model/slice-log.ts'
import type { SliceEndpoint, SliceName, SliceWrite } from '../../../robustness/model/slices.ts'
import { a, b, c } from '../fixtures.ts'

const ready = (...addresses: string[]): SliceEndpoint[] => addresses.map((address) => ({ address, ready: true }))
const put = (name: SliceName, endpoints: readonly SliceEndpoint[]): SliceWrite => ({ type: 'put', name, endpoints })

test('SliceLog makes one list of the ready endpoints of all slices', () => {
  const log = new SliceLog()
  const first = log.add(put('kubernetes', ready(b, a)))
  const second = log.add(put('kubernetes-2', [...ready(a), { address: c, ready: false }]))
  expect(log.apply({ name: 'kubernetes', revision: 5, isDeleted: false, id: first })).toMatchObject({
    kind: 'list',
    addresses: [a, b],
    revision: 5,
    newest: 5,
  })
  expect(log.apply({ name: 'kubernetes-2', revision: 6, isDeleted: false, id: second })).toMatchObject({
    addresses: [a, b],
    revision: 6,
    newest: 6,
  })
})

test('SliceLog gives an acknowledged write its times, and another one the time when it was found', () => {
  const log = new SliceLog()
  const acknowledged = log.add(put('kubernetes', ready(a)))
  log.complete(acknowledged, { sentAt: 1, completedAt: 2 })
  const unknown = log.add(put('kubernetes', ready(b)))
  const sentBefore = performance.now()
  expect(log.apply({ name: 'kubernetes', revision: 5, isDeleted: false, id: acknowledged })).toMatchObject({
    sentAt: 1,
    completedAt: 2,
  })
  const found = log.apply({ name: 'kubernetes', revision: 6, isDeleted: false, id: unknown })
  expect(found?.sentAt).toBeLessThanOrEqual(sentBefore)
  expect(found?.completedAt).toBeGreaterThanOrEqual(sentBefore)
})

test('SliceLog finds the deletion of a slice by the version that it was sent for', () => {
  const log = new SliceLog()
  const write = (revision: number, ...addresses: string[]) => {
    const id = log.add(put('kubernetes', ready(...addresses)))
    return log.apply({ name: 'kubernetes', revision, isDeleted: false, id })
  }
  const remove: SliceWrite = { type: 'delete', name: 'kubernetes' }
  write(5, a)
  log.complete(log.add(remove), { sentAt: 1, completedAt: 2 }) // for version 5, and refused because of the next write
  write(6, b)
  log.complete(log.add(remove), { sentAt: 3, completedAt: 4 })
  expect(log.apply({ name: 'kubernetes', revision: 7, isDeleted: true, id: undefined })).toMatchObject({
    kind: 'not-set',
    addresses: [],
    revision: 7,
    newest: 0,
    sentAt: 3,
    completedAt: 4,
  })
  expect(log.versionOf('kubernetes')).toBeUndefined()
})

test('SliceLog ignores a write that does not concern the list', () => {
  const log = new SliceLog()
  const id = log.add({ type: 'unrelated' })
  expect(log.apply({ name: 'other', revision: 5, isDeleted: false, id })).toBeUndefined()
})

test('SliceLog refuses a write that is not of this campaign', () => {
  const log = new SliceLog()
  const apply = () => log.apply({ name: 'kubernetes', revision: 5, isDeleted: false, id: 1 })
  expect(apply).toThrow('no write of this campaign explains revision 5 of kubernetes')
})
