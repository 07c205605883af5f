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
 * Calls `onChunk` for each part of a body. Resolves when the stream is closed, which the signal does when it is aborted.
 *
 * A server that is killed ends the stream without an error, and only its code says so.
 */
export async function readBody(
  { stream, session }: Response,
  signal: AbortSignal,
  onChunk: (bytes: Buffer) => void,
): Promise<BodyEnd> {
  const close = () => stream.close()
  signal.addEventListener('abort', close, { once: true })
  if (signal.aborted) close()
  stream.on('data', onChunk)
  await new Promise((resolve) => stream.once('close', resolve))
  signal.removeEventListener('abort', close)
  return { isComplete: stream.rstCode === 0 && !session.isLost }
}

/**
 * Returns the text of a whole body, and how it has ended.
 *
 * @throws Failure `invalid-value` when the body is larger than a list may be
 * @throws `signal.reason` when the signal is aborted
 */
export async function readText(response: Response, signal: AbortSignal): Promise<BodyEnd & { readonly text: string }> {
  const bytes = new ByteCollector()
  const end = await readBody(response, signal, (chunk) => {
    if (bytes.length > maxBytes) return
    bytes.push(chunk)
    if (bytes.length > maxBytes) response.stream.close()
  })
  if (bytes.length > maxBytes) throw tooLarge()
  signal.throwIfAborted()
  return { ...end, text: bytes.take() }
}

/** Splits a body into lines, of which each is one event. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  readonly #line = new ByteCollector()

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** @throws Failure `invalid-value` when a line is longer than a list may be */
  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#line.push(chunk.subarray(start, end))
      start = end + 1
      const line = this.#line.take()
      if (line !== '') this.#onLine(line)
    }
    this.#line.push(chunk.subarray(start))
    if (this.#line.length > maxBytes) throw tooLarge()
  }
}

/** A server may send byte by byte. As many chunks as this are joined, because each costs a hundred bytes of memory. */
const joinedChunks = 1000

/** Collects the chunks of a text. */
class ByteCollector {
  #joined: Buffer[] = []
  #chunks: Buffer[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#length += chunk.length
    if (this.#chunks.push(chunk) < joinedChunks) return
    this.#joined.push(Buffer.concat(this.#chunks))
    this.#chunks = []
  }

  /** Returns the text, and starts a new one. */
  take(): string {
    const text = Buffer.concat([...this.#joined, ...this.#chunks]).toString('utf8')
    this.#joined = []
    this.#chunks = []
    this.#length = 0
    return text
  }
}

const tooLarge = () =>
  new Failure('invalid-value', `the answer has more than ${maxBytes} bytes: this is no list of apiservers`)
