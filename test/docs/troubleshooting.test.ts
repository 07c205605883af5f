import { expect, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { retriedForLonger } from '../../src/call/tolerance.ts'
import type { ErrorCode, Reason } from '../../src/index.ts'
import { resolve } from '../../src/resolve.ts'
import { Failure } from '../../src/sources/failure.ts'
import { reasons, retryForMsOf } from '../../src/sources/reasons.ts'
import { VirtualClock } from '../support/clock.ts'
import { codeBlocks, codeSpans, read, rows, section } from '../support/documents.ts'
import { FakeSource } from '../support/fake-source.ts'

const page = read('docs/troubleshooting.md')
const headings = [...section(page, 'Reasons').matchAll(/^### (.+)$/gm)].map(([, text = '']) => text)
/** Returns what the page says of a reason, on one line. */
const textOf = (reason: string) => section(page, reason).replace(/\s+/g, ' ')

test('docs/troubleshooting.md explains every reason, and no other', () => {
  expect(headings.toSorted()).toEqual(Object.keys(reasons).toSorted())
})

test.for(headings)('docs/troubleshooting.md says of %s what was seen, what it means, and what to do', (reason) => {
  const text = section(page, reason)
  const labels = [...text.matchAll(/^- \*\*(.+?):\*\*/gm)].map(([, label]) => label)
  expect(labels).toEqual(['What was seen', 'What it means', 'What to do'])
})

test.for(headings)('docs/troubleshooting.md says of %s whether the call waits or fails', (reason) => {
  const [, then] = /\*\*What it means:\*\* the call (waits|fails)/.exec(textOf(reason)) ?? []
  const { retryForMs } = reasons[reason as Reason]
  expect(then).toBe(retryForMs === 0 ? 'fails' : 'waits')
})

test.for(headings)('docs/troubleshooting.md says of %s after how long a call fails with each source', (reason) => {
  const [etcd, kubernetes] = (['etcd', 'kubernetes'] as const).map((source) => retryForMsOf(reason as Reason, source))
  const [, seconds] = /fails, with `etcd` at once, and with `kubernetes` after (\d+) s\./.exec(textOf(reason)) ?? []
  const expected = etcd === kubernetes ? undefined : [etcd, kubernetes]
  expect(seconds && [0, Number(seconds) * 1000]).toEqual(expected)
})

test('docs/troubleshooting.md names how long a call and a watch wait for other certificates', () => {
  const text = textOf('tls-rejected')
  const ms = retryForMsOf('tls-rejected', 'kubernetes')
  expect(retryForMsOf('tls-rejected', 'etcd')).toBe(ms)
  expect(text).toContain(`the call waits ${ms / 1000} s for the files to change`)
  const { retryForMs } = retriedForLonger(new Failure('tls-rejected', '')) as Failure
  expect(text).toContain(`A watch that has a list waits ${retryForMs / 60_000} minutes`)
})

test('docs/troubleshooting.md explains every error code, and no other', () => {
  const codes: Record<ErrorCode, true> = {
    DEADLINE_EXCEEDED: true,
    ATTEMPTS_EXHAUSTED: true,
    REJECTED: true,
    CLOSED: true,
  }
  const explained = rows(section(page, 'Error codes')).flatMap(([code = '']) => codeSpans(code))
  expect(explained).toEqual(Object.keys(codes))
})

test('README and docs/troubleshooting.md show the message of an error as the package writes it', async () => {
  const clock = new VirtualClock()
  const source = new FakeSource()
  source.write('["10.0.0.11:6443","10.0.0.12:6443"]')
  const call = resolve(parseOptions({ minAddresses: 3 }, 'resolve'), clock, source)
  const message = call.then(String, (error: Error) => error.message)
  await clock.advance(900_000)
  const withoutNumbers = (text: string) => text.replace(/\b\d+(\.\d)?(?= s\b| attempts)/g, 'N')
  const expected = withoutNumbers((await message).replace(source.endpoint, 'https://127.0.0.1:2379'))
  expect(expected).toContain('timed out after N s and N attempts')
  for (const document of ['README.md', 'docs/troubleshooting.md']) {
    const shown = codeBlocks(read(document), 'text').map((text) => withoutNumbers(text.trim().replaceAll('\n', ' ')))
    expect(shown).toContain(expected)
  }
})
