import { onTestFinished } from 'vitest'

/** Collects uncaught exceptions until the end of the test. They do not fail the test. */
export function collectUncaught(): unknown[] {
  const uncaught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  })
  return uncaught
}
