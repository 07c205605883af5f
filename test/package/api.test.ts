import { expect, test } from 'vitest'
import { lastReport, report } from '../../docs/report.ts'

// The title is the first line of a failure, so it says what to do.
test(
  'docs/api.md describes the public API of the build; after an intended change, run: npm run api',
  { timeout: 60_000 },
  async () => {
    expect(await report()).toBe(lastReport())
  },
)
