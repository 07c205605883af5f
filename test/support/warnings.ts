import { onTestFinished, vi } from 'vitest'

/** Returns an array that collects the warnings of the process, as text and options, until the end of the test. */
export function spyOnWarnings(): (readonly [text: string, options: { readonly code: string }])[] {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => spy.mockRestore())
  return spy.mock.calls as unknown as [string, { code: string }][]
}
