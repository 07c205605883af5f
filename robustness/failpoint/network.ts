import type { Faults, Targets } from './targets.ts'

type Kinds = 'refuse connections' | 'black hole' | 'reset connections' | 'slow link' | 'block all clients'

/** Returns the faults of the network between clients and servers. */
export function networkFaults(targets: Targets<unknown>): Faults<Kinds> {
  return {
    'refuse connections': (fault) =>
      targets.withProxy(fault, async (proxy) => {
        await proxy.refuse()
        if (fault.severity < 0.7) proxy.reset()
        await targets.hold(fault.durationMs)
        await proxy.pass()
      }),

    'black hole': (fault) =>
      targets.withProxy(fault, async (proxy) => {
        await proxy.blackhole()
        await targets.hold(fault.durationMs)
        await proxy.pass()
      }),

    'reset connections': (fault) => targets.withProxy(fault, async (proxy) => proxy.reset()),

    'slow link': (fault) =>
      targets.withProxy(fault, async (proxy) => {
        proxy.delay(5 + 800 * fault.severity ** 3)
        await targets.hold(fault.durationMs)
        proxy.delay(0)
      }),

    'block all clients': ({ durationMs, severity }) =>
      targets.withAllProxies(async (proxies) => {
        for (const proxy of proxies) await (severity < 0.5 ? proxy.refuse() : proxy.blackhole())
        for (const proxy of proxies) if (severity < 0.3) proxy.reset()
        await targets.hold(durationMs)
        for (const proxy of proxies) await proxy.pass()
      }),
  }
}
