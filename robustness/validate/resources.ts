import { setTimeout as sleep } from 'node:timers/promises'
import { heapUsed } from '../../test/support/heap.ts'
import type { Environment } from '../environment.ts'
import type { Limits } from './limits.ts'

const maxHeapGrowthBytes = 20 << 20

/** Validates that each open watch has one connection and one stream, and that memory does not grow. */
export class ResourceValidator {
  readonly #environment: Environment
  readonly #limits: Limits
  readonly #heapBytes: number[] = []

  constructor(environment: Environment, limits: Limits) {
    this.#environment = environment
    this.#limits = limits
  }

  /**
   * The growth since the first measurement. The least of the last five counts, because a single one varies by chance.
   */
  get heapGrowthBytes(): number {
    return Math.min(...this.#heapBytes.slice(-5)) - this.#heapBytes[0]!
  }

  /**
   * Waits until the number of connections is right, and measures the heap.
   *
   * @param openWatches returns the number of watches that should be connected
   */
  async validate(openWatches: () => number): Promise<void> {
    await this.#validateConnections(openWatches)
    await this.#validateHeap()
  }

  async #validateHeap(): Promise<void> {
    const { report } = this.#environment
    // Objects with a finalizer are freed by the second collection.
    heapUsed()
    await sleep(50)
    const bytes = heapUsed()
    this.#heapBytes.push(bytes)
    report.record('process', 'heap', { bytes })
    if (this.heapGrowthBytes > maxHeapGrowthBytes) {
      report.violate('process', `the heap has grown by ${this.heapGrowthBytes} bytes`)
    }
  }

  async #validateConnections(openWatches: () => number): Promise<void> {
    const { report } = this.#environment
    const deadline = performance.now() + this.#limits.disconnectMs
    for (;;) {
      // On a busy machine a server may not answer in time. That says nothing about connections.
      const counts = await this.#environment.countConnections().catch(() => undefined)
      const expected = openWatches()
      if (counts?.streams === expected && counts.connections === expected) return
      if (performance.now() > deadline) {
        const found =
          counts === undefined ? 'no metrics' : `${counts.connections} connections, ${counts.streams} streams`
        report.violate('process', `${found}, but ${expected} watches are open`)
        return
      }
      await sleep(100)
    }
  }
}
