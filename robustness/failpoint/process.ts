import type { WriteReply } from '../client/key.ts'
import type { KeyValue } from '../model/key-value.ts'
import { servers } from '../random/writes.ts'
import { stopProcess } from './stop-process.ts'
import type { Faults, Targets } from './targets.ts'

type Kinds = 'clock step' | 'block event loop' | 'stop process'

const steps = [1000, 3_600_000, 20 * 86_400_000] as const

const allServers: KeyValue = {
  kind: 'list',
  text: `${JSON.stringify(servers)}\n`,
  addresses: servers.toSorted(),
}

/** Returns the faults of this process, in which the clients run. */
export function processFaults(targets: Targets): Faults<Kinds> {
  return {
    'clock step': async ({ target, severity }) => {
      targets.environment.wallClock.step(steps[target]! * (severity < 0.5 ? -1 : 1))
      return true
    },

    'block event loop': async ({ severity }) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100 + 2000 * severity)
      return true
    },

    // While the process is stopped, every server comes back: none of them may be removed afterwards.
    'stop process': async ({ target, severity }) => {
      const stopMs = 1000 + 7000 * severity
      let stop: ReturnType<typeof stopProcess<WriteReply>> | undefined
      await targets.environment.keyClient.write(
        allServers,
        (members) => members[target % members.length],
        (request) => (stop = stopProcess(process.pid, stopMs, request)),
      )
      // The process is stopped even if no member could take the write.
      await (stop ?? stopProcess(process.pid, stopMs))
      return true
    },
  }
}
