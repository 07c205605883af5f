import type { SeededRandom } from '../../test/support/random.ts'
import type { KeyValue } from '../model/key-value.ts'
import type { Write } from '../model/write-log.ts'

export const servers = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '10.0.0.4:6443', '[fd00::5]:6443'] as const

const emptyValues = ['', '[]\n', 'null', ' \n']
/** Several have a line separator, which a message must not repeat. */
const invalidValues = [
  'not JSON',
  '{}',
  '[1]',
  '["10.0.0.1\u2028"]',
  '["10.0.0.1:6443"\u2028',
  '"10.0.0.1:6443"',
  '["10.0.0.1:0"]',
  '\u0000',
  'not\u2028JSON',
]

export interface PlannedWrite {
  /** Milliseconds from the end of the previous write to the start of this one. */
  readonly afterMs: number
  /** Why the key is written, for the summary. */
  readonly kind: string
  readonly write: Write
  /** Selects one of the members that are reachable: at least 0 and less than 1. */
  readonly member: number
}

/** Returns a list as the controller writes it: in any order, sometimes with a duplicate, and with a newline. */
export function listValue(addresses: readonly string[], random: SeededRandom): KeyValue {
  const stored = random.shuffle(random.chance(0.1) ? [...addresses, random.pick(addresses)] : addresses)
  return { text: `${JSON.stringify(stored)}\n`, kind: 'list', addresses: addresses.toSorted() }
}

/**
 * Generates the writes of RKE2's controller while servers join, leave and crash, and writes of other programs. The last
 * server is never removed: Kubernetes does not remove the last endpoint either.
 */
export function* randomWrites(random: SeededRandom): Generator<PlannedWrite, never> {
  let listed: readonly string[] = [random.pick(servers)]
  const plan = (kind: string, afterMs: number, write: Write): PlannedWrite => ({
    afterMs,
    kind,
    write,
    member: random.random(),
  })
  const list = (kind: string, afterMs: number) => plan(kind, afterMs, listValue(listed, random))
  const remove = (server: string) => {
    if (listed.length > 1) listed = listed.filter((each) => each !== server)
  }

  yield list('join', 0)
  for (;;) {
    const pauseMs = random.size(50, 3000)
    const kind = random.weighted({
      join: 8,
      leave: 3,
      crash: 2,
      rewrite: 4,
      empty: 2,
      invalid: 1,
      delete: 0.2,
      'other key': 2,
    })
    if (kind === 'join') {
      const server = random.pick(servers)
      listed = [...new Set([...listed, server])]
      yield list('join', pauseMs)
      // An apiserver that joins adds, removes and adds itself again.
      for (let flaps = random.upTo(3); flaps > 0; flaps--) {
        remove(server)
        yield list('flap', random.size(20, 1500))
        listed = [...new Set([...listed, server])]
        yield list('flap', random.size(20, 1500))
      }
    } else if (kind === 'leave' || kind === 'crash') {
      remove(random.pick(servers))
      yield list(kind, kind === 'leave' ? pauseMs : pauseMs + 2000)
    } else if (kind === 'rewrite') {
      yield list('rewrite', pauseMs)
    } else if (kind === 'other key') {
      yield plan('other key', pauseMs, 'other key')
    } else {
      yield plan(kind, pauseMs, kind === 'delete' ? 'delete' : unusableValue(kind, random))
      yield list('repair', random.size(50, 6000))
    }
  }
}

function unusableValue(kind: 'empty' | 'invalid', random: SeededRandom): KeyValue {
  return {
    kind: kind === 'empty' ? 'not-set' : 'invalid-value',
    text: random.pick(kind === 'empty' ? emptyValues : invalidValues),
    addresses: [],
  }
}
