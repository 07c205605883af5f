import type { Writable } from 'node:stream'

/** The result could not be written. */
export class OutputError extends Error {
  readonly code: string | undefined

  /** @param target the file, or stdout */
  constructor(target: string, cause: NodeJS.ErrnoException) {
    super(`cannot write ${target}: ${cause.message}`, { cause })
    this.code = cause.code
  }
}

/**
 * Writes a line. Resolves when it has been written.
 *
 * @throws OutputError when it cannot be written
 */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${text}\n`, (error) => (error ? reject(new OutputError('to stdout', error)) : resolve()))
  })
}
