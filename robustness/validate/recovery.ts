import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../test/support/random.ts'
import type { WatchClient } from '../client/watch.ts'
import type { Store } from '../environment.ts'
import type { KeyValue } from '../model/key-value.ts'
import { listValue, servers } from '../random/writes.ts'
import type { Report } from '../report/report.ts'
import type { ValidationContext } from './context.ts'
import { effectiveOptions } from './effective-options.ts'

/** The time within which grpc-js, or a ping of HTTP/2, notices that the connection of a watch is dead. */
const keepaliveMs = 15_000

/** Validates that all watches recover when the faults are over. */
export class RecoveryValidator {
  readonly #context: ValidationContext
  readonly #store: Store
  readonly #report: Report
  readonly #random: SeededRandom
  /** The longest time from the first write after the last fault until every watch had that list. */
  longestMs = 0

  constructor(context: ValidationContext, store: Store, report: Report, random: SeededRandom) {
    this.#context = context
    this.#store = store
    this.#report = report
    this.#random = random
  }

  /**
   * Writes a last list, and resolves when every watch and its reader have it.
   *
   * @param watches returns the watches that are open and can get a list
   */
  async waitForRecovery(round: number, watches: () => readonly WatchClient[]): Promise<void> {
    const random = this.#random.fork(String(round))
    // No other list contains this address.
    const marker = `10.9.${round >> 8}.${round & 255}:6443`
    const last = listValue([...servers, marker], random)
    for (let writtenAt = 0; ; await sleep(50)) {
      writtenAt = (await this.#store.setList(last, random)) ?? writtenAt
      const open = watches()
      if (open.every((watch) => hasList(watch, last))) {
        const times = open.filter(({ startedAt }) => startedAt < writtenAt).map(({ latest }) => latest!.at - writtenAt)
        this.longestMs = Math.max(this.longestMs, ...times)
        return
      }
      await this.#store.updateHistory()
      for (const watch of open) if (!hasList(watch, last)) this.#validateTime(watch, last, writtenAt)
      if (this.#report.violation !== undefined) throw this.#report.violation
    }
  }

  #validateTime(watch: WatchClient, { addresses }: KeyValue, writtenAt: number): void {
    const { limits, eventLoopDelayMs } = this.#context
    const since = Math.max(writtenAt, watch.startedAt)
    const now = performance.now()
    const tookMs = now - since - eventLoopDelayMs(since, now)
    if (tookMs <= optionDelaysMs(watch) + limits.recoveryMs) return
    this.#report.violate(watch.actor, `not recovered after ${Math.round(tookMs)} ms: expected ${addresses.join()}`)
  }
}

function hasList(watch: WatchClient, { addresses }: KeyValue): boolean {
  return watch.upToDate && watch.latest?.list.addresses.join() === addresses.join()
}

/** Returns for how long the options of a watch may delay its recovery. */
function optionDelaysMs({ scenario: { options, readMs } }: WatchClient): number {
  const { attemptTimeoutMs, retry, settleMs, shrinkDelayMs } = effectiveOptions(options)
  return keepaliveMs + attemptTimeoutMs + retry.maxDelayMs + settleMs + shrinkDelayMs + readMs
}
