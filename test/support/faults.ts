import { appendFileSync } from 'node:fs'
import { defaults } from '../../src/call/defaults.ts'
import type { Reason } from '../../src/index.ts'

/** The longest pause between two attempts, by default. */
export const longestPauseMs: number = defaults.retry.maxDelayMs

/** That pause, and a moment for the read: for a poll that is retried meanwhile. */
export const longestWaitMs: number = longestPauseMs + 400

export interface Fault {
  readonly fault: string
  readonly reason: Reason | undefined
  /** From the fault, or the call where the fault was there before it, to the event that names it. */
  readonly reportedMs?: number
  /** From when etcd could answer again to the list. */
  readonly recoverMs?: number
}

/** Adds a line to the Markdown table in the file `FAULT_TABLE`, where that is set. */
export function record({ fault, reason, reportedMs, recoverMs }: Fault): void {
  const file = process.env['FAULT_TABLE']
  if (!file) return
  const image = (process.env['ETCD_IMAGE'] ?? '').replace(/.*:/, '')
  const ms = (value: number | undefined) => (value === undefined ? '' : `${Math.max(0, Math.round(value))} ms`)
  appendFileSync(file, `| ${fault} | ${image} | ${reason ?? '-'} | ${ms(reportedMs)} | ${ms(recoverMs)} |\n`)
}

/** Milliseconds since now, at each call. */
export function stopwatch(): () => number {
  const start = performance.now()
  return () => performance.now() - start
}
