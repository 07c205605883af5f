import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when the file has these lines. */
export async function waitForFile(file: string, lines: readonly string[], signal: AbortSignal): Promise<void> {
  const expected = `${lines.join('\n')}\n`
  while ((await readFile(file, 'utf8').catch(() => '')) !== expected) await sleep(50, undefined, { signal })
}
