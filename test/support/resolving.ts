import { parseOptions } from '../../src/call/config.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { resolve } from '../../src/resolve.ts'
import { VirtualClock } from './clock.ts'
import { FakeApiservers } from './fake-apiservers.ts'
import { FakeSource } from './fake-source.ts'
import { Recorder } from './recorder.ts'

interface Fakes {
  readonly source: FakeSource
  readonly apiservers: FakeApiservers
}

/**
 * Starts a call that reads a fake source, on a clock that the test moves.
 *
 * @param prepare sets up the source and the apiservers before the call starts
 */
export function resolveFake(
  options: ResolveOptions = {},
  prepare: (fakes: Fakes) => void = () => {},
  random?: () => number,
) {
  const clock = new VirtualClock(random)
  const source = new FakeSource()
  const apiservers = new FakeApiservers(clock)
  prepare({ source, apiservers })
  const events = new Recorder()
  const config = parseOptions({ ...options, events: events.emitter }, 'resolve')
  const result = resolve(config, clock, source, apiservers.probe)
  result.catch(() => {})
  return { clock, source, apiservers, events, result }
}
