import { setTimeout as sleep } from 'node:timers/promises'
import type { PlannedRequest } from '../environment.ts'

/** Writes the store, as the controllers of the list and other programs do. */
export class WriteTraffic {
  /** The number of writes of each kind. */
  readonly counts: Record<string, number> = {}
  readonly #next: () => PlannedRequest

  constructor(next: () => PlannedRequest) {
    this.#next = next
  }

  /** Writes until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const planned = this.#next()
      await sleep(planned.afterMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const counted = (await planned.send()) ? planned.kind : 'not acknowledged'
      this.counts[counted] = (this.counts[counted] ?? 0) + 1
    }
  }
}
