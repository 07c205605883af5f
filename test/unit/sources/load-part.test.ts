import { expect, test } from 'vitest'
import { loadPart } from '../../../src/sources/load-part.ts'

test('loadPart returns the part', async () => {
  expect(await loadPart(async () => 7)).toBe(7)
})

test.each([
  ['EMFILE', Infinity],
  ['ENFILE', Infinity],
  ['MODULE_NOT_FOUND', 60_000],
])('loadPart rejects with a failure for %s that is retried for %d ms', async (code, retryForMs) => {
  const cause = Object.assign(new Error(`${code}: a reason`), { code })
  await expect(loadPart(() => Promise.reject(cause))).rejects.toMatchObject({
    reason: 'unavailable',
    message: `a part of this package cannot be loaded: ${code}: a reason`,
    retryForMs,
    cause,
  })
})
