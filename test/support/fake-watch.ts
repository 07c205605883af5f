import { parseOptions } from '../../src/call/config.ts'
import type { AddressChange, WatchOptions } from '../../src/index.ts'
import { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import { Watch } from '../../src/watch.ts'
import { VirtualClock } from './clock.ts'
import { FakeEtcd } from './fake-etcd.ts'
import { Recorder } from './recorder.ts'

/** A watch of a fake etcd, in time that the test lets pass. */
export function watchFake(options: WatchOptions = {}, random?: () => number) {
  const clock = new VirtualClock(random)
  const etcd = new FakeEtcd(clock)
  const events = new Recorder()
  const config = parseOptions({ endpoints: 'http://fake:2379', ...options, events: events.emitter }, 'watch')
  const watch = new Watch(config, clock, new EtcdSource(config, clock, etcd.connect, async () => {}))
  return { clock, etcd, events, watch }
}

/** A watch of a fake etcd that has given its first list, and by now follows the key; the events so far are forgotten. */
export async function followFake(first: readonly string[], ...more: Parameters<typeof watchFake>) {
  const parts = watchFake(...more)
  parts.etcd.putList(...first)
  await parts.watch.next()
  await parts.events.until('connected')
  parts.events.clear()
  return parts
}

/** What a `next()` has come to, if anything. */
export function outcome(next: Promise<IteratorResult<AddressChange, undefined>>): { is: unknown } {
  const seen: { is: unknown } = { is: 'pending' }
  next.then(
    ({ done, value }) => (seen.is = done === true ? 'done' : value),
    (error: unknown) => (seen.is = { error }),
  )
  return seen
}
