import { createHook } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import type { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LeakCheck extends Disposable {
  /**
   * Resolves when nothing is left. Rejects with a list of what is still there after this time.
   *
   * @param withinMs 2000 by default: less than the default of `attemptTimeoutMs`, whose timer would count
   */
  expectNone(withinMs?: number): Promise<void>
}

const watched: Readonly<Record<string, string>> = {
  Timeout: 'timer',
  TCPWRAP: 'TCP connection',
  TCPSERVERWRAP: 'TCP server',
  FSEVENTWRAP: 'file watcher',
  PROCESSWRAP: 'child process',
}
// Resources of the test fixtures and of the test runner do not count.
const foreign =
  /\/(test\/support|robustness)\/|\/node_modules\/(@?vitest|testcontainers|docker-modem)\/|node:internal\/deps\/undici/

/**
 * Records from now on what a call may leave behind: timers that keep the process alive, connections (also those that do
 * not keep it alive), servers, file watchers, child processes, unhandled rejections, and listeners on `process` and on
 * the given emitters and signals.
 */
export function checkLeaks(...targets: (EventEmitter | AbortSignal)[]): LeakCheck {
  const resources = new Map<number, { kind: string; resource: { hasRef?(): boolean }; origin: string }>()
  const rejections: unknown[] = []
  const hook = createHook({
    init(id, type, _trigger, resource) {
      const kind = watched[type]
      if (kind === undefined) return
      const frames = new Error().stack?.split('\n').slice(2) ?? []
      const callers = frames.filter((frame) => !frame.includes('node:') || foreign.test(frame))
      // The server side of a connection has no caller.
      if (callers[0] === undefined || foreign.test(callers[0])) return
      resources.set(id, { kind, resource, origin: callers.slice(0, 3).join('\n') })
    },
    destroy(id) {
      resources.delete(id)
    },
  }).enable()
  const onRejection = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  const before = countListeners(targets)

  const found = (): string[] => [
    ...[...resources.values()]
      .filter(({ kind, resource }) => kind !== 'timer' || resource.hasRef?.())
      .map(({ kind, origin }) => `${kind}\n${origin}`),
    ...[...countListeners(targets)]
      .filter(([name, count]) => count > (before.get(name) ?? 0))
      .map(([name]) => `listener for ${name}`),
    ...rejections.map((reason) => `unhandled rejection: ${String(reason)}`),
  ]

  return {
    async expectNone(withinMs = 2000) {
      const deadline = performance.now() + withinMs
      while (found().length > 0 && performance.now() < deadline) await sleep(10)
      if (found().length > 0) throw new Error(`left behind:\n${found().join('\n')}`)
    },
    [Symbol.dispose]() {
      hook.disable()
      process.off('unhandledRejection', onRejection)
    },
  }
}

function countListeners(targets: readonly (EventEmitter | AbortSignal)[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [index, target] of [process, ...targets].entries()) {
    const name = target === process ? 'process' : `${target.constructor.name} ${index}`
    const events = target instanceof AbortSignal ? ['abort'] : target.eventNames()
    for (const event of events) counts.set(`"${String(event)}" of ${name}`, getEventListeners(target, event).length)
  }
  return counts
}
