import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty folder, until the end of the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rke2-apiserver-resolver-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
