import { expect, test } from 'vitest'
import { lastReport, report } from '../../docs/report.ts'

// The title is what a person sees first when it fails.
test(
  'the public API is that of docs/api.md; after a change that is meant: npm run api',
  { timeout: 60_000 },
  async () => {
    expect(await report()).toBe(lastReport())
  },
)
