import { execFileSync } from 'node:child_process'
import { openSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const ending = '.unanswered'

type Open = (file: string, flags: string | number) => Promise<FileHandle>

/** Creates a file on which `openUnanswered` waits until `answer` is called, as on a file system that does not answer. */
export function createUnansweredFile(folder: string): { readonly file: string; readonly answer: () => void } {
  const file = join(folder, `file${ending}`)
  execFileSync('mkfifo', [file])
  // The pipe then has a writer, so that every `open` for reading returns, now and later.
  const answer = () => void openSync(file, 'r+')
  onTestFinished(answer)
  return { file, answer }
}

/** Returns an `open` that ignores O_NONBLOCK for an unanswered file: opening a pipe without a writer then blocks. */
export const openUnanswered =
  (open: Open): Open =>
  (file, flags) =>
    open(file, file.endsWith(ending) ? 'r' : flags)
