import { Failure } from '../failure.ts'
import type { Response } from './session.ts'

/** The longest list, or event of a watch, in bytes. A list of 10,000 endpoints has 2 MB. */
const maxBytes = 8 << 20

/** How a body has ended. */
export interface BodyEnd {
  /** Whether the server has ended it. A connection that was lost ends it as well, and the body may be cut. */
  readonly isComplete: boolean
}

/**
 * Calls `onChunk` for each part of a body. Resolves when the stream is closed.
 *
 * A server that is killed ends the stream without an error, and only its code says so.
 */
export function readBody({ stream, session }: Response, onChunk: (bytes: Buffer) => void): Promise<BodyEnd> {
  return new Promise((resolve) => {
    stream.on('data', onChunk)
    stream.once('close', () => resolve({ isComplete: stream.rstCode === 0 && !session.isLost }))
  })
}

/** Returns the text of a whole body, and how it has ended. */
export async function readText(response: Response): Promise<BodyEnd & { readonly text: string }> {
  const chunks: Buffer[] = []
  let bytes = 0
  const end = await readBody(response, (chunk) => {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
    else response.stream.close()
  })
  if (bytes > maxBytes) throw tooLarge()
  return { ...end, text: Buffer.concat(chunks).toString('utf8') }
}

/** Splits a body into lines, of which each is one event. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** @throws Failure `invalid-value` when a line is longer than a list may be */
  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#chunks, chunk.subarray(start, end)])
      this.#chunks = []
      this.#bytes = 0
      start = end + 1
      if (line.length > 0) this.#onLine(line.toString('utf8'))
    }
    const rest = chunk.subarray(start)
    this.#bytes += rest.length
    if (this.#bytes > maxBytes) throw tooLarge()
    if (rest.length > 0) this.#chunks.push(rest)
  }
}

const tooLarge = () =>
  new Failure('invalid-value', `the answer has more than ${maxBytes} bytes: this is no list of apiservers`)
