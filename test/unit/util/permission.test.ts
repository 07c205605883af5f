import { expect, onTestFinished, test } from 'vitest'
import { isForbidden } from '../../../src/util/permission.ts'

/** Gives the process the permission model of `node --permission`, for the length of the test. */
function usePermissions(has: (scope: string, path?: string) => boolean): void {
  Object.defineProperty(process, 'permission', { value: { has }, configurable: true })
  onTestFinished(() => void Reflect.deleteProperty(process, 'permission'))
}

test('isForbidden returns false in a process without --permission', () => {
  expect(isForbidden('/etc/shadow')).toBe(false)
})

test.each([
  ['/allowed', false],
  ['/secret', true],
])('isForbidden of %s is %s with --permission', (path, forbidden) => {
  usePermissions((scope, reference) => scope === 'fs.read' && reference === '/allowed')
  expect(isForbidden(path)).toBe(forbidden)
})
