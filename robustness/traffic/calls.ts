import { setTimeout as sleep } from 'node:timers/promises'
import { ApiserverAddressError } from '../../src/index.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import { makeCall } from '../client/call.ts'
import type { Environment } from '../environment.ts'
import { randomCall } from '../random/calls.ts'
import type { CallScenario } from '../random/calls.ts'
import type { CallRecord } from '../report/records.ts'
import type { Report } from '../report/report.ts'
import { validateCall } from '../validate/call.ts'
import type { ValidationContext } from '../validate/context.ts'
import { validateLatency } from '../validate/latency.ts'

const maxConcurrentCalls = 40

/** Makes calls of `resolveApiserverAddresses`, and validates them. */
export class CallTraffic {
  /** The number of calls with each outcome. */
  readonly counts: Record<string, number> = {}
  readonly #environment: Environment
  readonly #context: ValidationContext
  readonly #report: Report
  readonly #random: SeededRandom
  readonly #running = new Set<Promise<void>>()
  #settled: { readonly actor: string; readonly call: CallRecord }[] = []
  #started = 0

  constructor(environment: Environment, context: ValidationContext, random: SeededRandom) {
    this.#environment = environment
    this.#context = context
    this.#report = environment.report
    this.#random = random
  }

  /** Starts calls until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const scenario = randomCall(this.#random.fork(String(this.#started)), this.#environment.source)
      const actor = `call ${this.#started++}`
      await sleep(scenario.afterMs, undefined, { signal }).catch(() => {})
      if (this.#running.size >= maxConcurrentCalls || signal.aborted) continue
      const running: Promise<void> = this.#call(actor, scenario).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  async #call(actor: string, scenario: CallScenario): Promise<void> {
    const call = await makeCall(actor, scenario, this.#environment.connection(scenario.endpoints), this.#report)
    const outcome = describeOutcome(call)
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1
    this.#settled.push({ actor, call })
  }

  /** Resolves when all calls have settled: each has a deadline. */
  async drain(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Validates the calls that have settled since the last validation. The history must be complete up to now. */
  validate(): void {
    for (const { actor, call } of this.#settled.splice(0)) {
      for (const problem of [...validateCall(call, this.#context), validateLatency(call, this.#context)]) {
        if (problem !== undefined) this.#report.violate(actor, problem, call.endedAt)
      }
    }
  }
}

function describeOutcome({ outcome }: CallRecord): string {
  if ('result' in outcome) return 'resolved'
  return outcome.error instanceof ApiserverAddressError ? outcome.error.code : 'aborted'
}
