import { parseOptions } from '../../src/call/config.ts'
import type { AddressChange, WatchOptions } from '../../src/index.ts'
import { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import { Watch } from '../../src/watch.ts'
import { VirtualClock } from './clock.ts'
import { etcdOptions } from './etcd-source.ts'
import { FakeEtcd } from './fake-etcd.ts'
import { Recorder } from './recorder.ts'

/** Returns a watch of a fake etcd, on a clock that the test moves. */
export function watchFake(options: WatchOptions = {}, random?: () => number) {
  const clock = new VirtualClock(random)
  const etcd = new FakeEtcd(clock)
  const events = new Recorder()
  const all = { endpoints: 'http://fake:2379', ...options, events: events.emitter }
  // A look-up in the real data directory would take real time, which this clock does not measure.
  const etcdSourceOptions = { ...etcdOptions(all), usesDataDir: false }
  const source = new EtcdSource(etcdSourceOptions, clock, etcd.connect, async () => {})
  const watch = new Watch(parseOptions(all, 'watch'), clock, source)
  return { clock, etcd, events, watch }
}

/** Returns a watch of a fake etcd that follows the key after its first list. The events until then are removed. */
export async function followFake(first: readonly string[], ...more: Parameters<typeof watchFake>) {
  const parts = watchFake(...more)
  parts.etcd.putList(...first)
  await parts.watch.next()
  await parts.events.until('connected')
  parts.events.clear()
  return parts
}

/** Returns an object whose `is` is the outcome of a `next()`, and `'pending'` until then. */
export function outcome(next: Promise<IteratorResult<AddressChange, undefined>>): { is: unknown } {
  const result: { is: unknown } = { is: 'pending' }
  next.then(
    ({ done, value }) => (result.is = done === true ? 'done' : value),
    (error: unknown) => (result.is = { error }),
  )
  return result
}
