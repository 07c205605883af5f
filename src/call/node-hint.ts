import { nodeHint } from '../rke2.ts'
import type { Failure } from '../sources/failure.ts'
import { withLinkedAbort } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { printable } from '../util/text.ts'

/** A phase waits this long for its hint. Without an answer of the file system, the last hint is used. */
const longestLookupMs = 200

/**
 * The look-ups in progress, by data directory. One on a file system that does not answer never ends, and occupies one of
 * the few threads for file access of the process. Therefore all calls share it.
 */
const lookups = new Map<string, Promise<string | undefined>>()

/** The part of the options that a hint is about. */
interface NodeHintOptions {
  readonly usesDataDir: boolean
  readonly dataDir: string
}

/** Looks for the cause of a failure in the data directory. It never changes how a call ends. */
export class NodeHint {
  readonly #options: NodeHintOptions
  readonly #clock: Clock
  /** The look-up that this call has not seen the end of. It is waited for only once. */
  #lookup: Promise<void> | undefined
  #last: string | undefined

  constructor(options: NodeHintOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /**
   * Returns the hint for a failure; `undefined` if there is none.
   *
   * @throws `signal.reason` when the signal is aborted
   */
  async of({ hint, reason }: Failure, signal: AbortSignal): Promise<string | undefined> {
    const isLocal = reason === 'tls-files-missing' || reason === 'unreachable'
    if (hint !== undefined || !isLocal || !this.#options.usesDataDir) return hint
    if (this.#lookup === undefined) await this.#lookUp(signal)
    return this.#last
  }

  async #lookUp(signal: AbortSignal): Promise<void> {
    const lookup = (this.#lookup = this.#look())
    await withLinkedAbort(signal, (wait) => Promise.race([lookup, this.#clock.sleep(longestLookupMs, wait.signal)]))
  }

  async #look(): Promise<void> {
    const hint = await lookUp(this.#options.dataDir)
    this.#last = hint === undefined ? undefined : printable(hint)
    this.#lookup = undefined
  }
}

function lookUp(dataDir: string): Promise<string | undefined> {
  let lookup = lookups.get(dataDir)
  if (lookup === undefined) {
    lookup = nodeHint(dataDir).finally(() => lookups.delete(dataDir))
    lookups.set(dataDir, lookup)
  }
  return lookup
}
