import type { AddressChange } from '../addresses/list.ts'
import { LinkedAbortController } from '../util/abort.ts'
import { CloseableIterator, done } from '../util/closeable-iterator.ts'
import type { ApiserverAddressWatch } from '../watch.ts'

/** A watch whose code could not be loaded when it was created. Invalid options are an error of the first `next()`. */
export class LateWatch extends CloseableIterator<AddressChange> implements ApiserverAddressWatch {
  readonly #signal: AbortSignal
  readonly #create: (signal: AbortSignal) => Promise<ApiserverAddressWatch>
  #loading: LinkedAbortController | undefined
  #watch: Promise<ApiserverAddressWatch> | undefined
  #isOver = false

  /** @param create loads the code and creates the watch. It is called once, by the first `next()`. */
  constructor(signal: AbortSignal, create: (signal: AbortSignal) => Promise<ApiserverAddressWatch>) {
    super()
    this.#signal = signal
    this.#create = create
  }

  async next(): Promise<IteratorResult<AddressChange, undefined>> {
    if (this.#isOver) return done
    let watch
    try {
      watch = await (this.#watch ??= this.#start())
    } catch (error) {
      if (this.#isOver) return done
      this.#isOver = true
      throw error
    }
    return watch.next()
  }

  async close(): Promise<void> {
    this.#isOver = true
    this.#loading?.end()
    const watch = await this.#watch?.catch(() => undefined)
    await watch?.close()
  }

  #start(): Promise<ApiserverAddressWatch> {
    const loading = (this.#loading = new LinkedAbortController(this.#signal))
    return this.#create(loading.signal).finally(() => loading.end())
  }
}
