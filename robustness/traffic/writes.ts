import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../test/support/random.ts'
import type { KeyClient } from '../client/key.ts'
import { randomWrites } from '../random/writes.ts'
import type { PlannedWrite } from '../random/writes.ts'

/** Writes the key, as RKE2's controller and other programs do. */
export class WriteTraffic {
  /** The number of writes of each kind. */
  readonly counts: Record<string, number> = {}
  readonly #keyClient: KeyClient
  readonly #planned: Iterator<PlannedWrite, never>

  constructor(keyClient: KeyClient, random: SeededRandom) {
    this.#keyClient = keyClient
    this.#planned = randomWrites(random)
  }

  /** Writes until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { afterMs, kind, write, member } = this.#planned.next().value
      await sleep(afterMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const completed = await this.#keyClient.write(write, (members) => members[Math.floor(member * members.length)])
      const counted = completed === undefined ? 'not acknowledged' : kind
      this.counts[counted] = (this.counts[counted] ?? 0) + 1
    }
  }
}
