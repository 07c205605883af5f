import { beforeEach, onTestFinished } from 'vitest'
import { checkLeaks } from './leaks.ts'

/** Lets the test fail if it leaves something behind, after all that is still to be done at its end. */
export function expectNothingLeft(...targets: Parameters<typeof checkLeaks>): void {
  const leaks = checkLeaks(...targets)
  onTestFinished(async () => {
    try {
      await leaks.expectNone()
    } finally {
      leaks[Symbol.dispose]()
    }
  })
}

/** The same for every test of the file. */
export function expectNoLeaks(): void {
  beforeEach(() => expectNothingLeft())
}
