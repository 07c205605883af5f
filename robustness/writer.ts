import type { SeededRandom } from '../test/support/random.ts'
import type { Value } from './history.ts'
import type { Write } from './ledger.ts'

export const servers = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '10.0.0.4:6443', '[fd00::5]:6443'] as const

const nothing = ['', '[]\n', 'null', ' \n']
const rubbish = [
  'rubbish',
  '{}',
  '[1]',
  '["10.0.0.1"]',
  '["10.0.0.1:6443"',
  '"10.0.0.1:6443"',
  '["10.0.0.1:0"]',
  '\u0000',
]

/** One write, and how long after the one before. */
export interface Step {
  readonly afterMs: number
  readonly kind: string
  readonly write: Write
  /** Which of the members that are up is asked, from 0 up to, and without, 1. */
  readonly member: number
}

/** A list as the controller writes it: in any order, sometimes with a server twice, and with a newline. */
export function listOf(addresses: readonly string[], dice: SeededRandom): Value {
  const stored = dice.shuffle(dice.chance(0.1) ? [...addresses, dice.pick(addresses)] : addresses)
  return { text: `${JSON.stringify(stored)}\n`, kind: 'list', addresses: addresses.toSorted() }
}

/**
 * What RKE2's controller writes while servers join, leave and crash; and what others do to the key. The last server is
 * never removed: Kubernetes does not erase all endpoints either.
 */
export function* planWrites(dice: SeededRandom): Generator<Step, never> {
  let listed: readonly string[] = [dice.pick(servers)]
  const step = (kind: string, afterMs: number, write: Write): Step => ({ afterMs, kind, write, member: dice.random() })
  const list = (kind: string, afterMs: number) => step(kind, afterMs, listOf(listed, dice))
  const without = (server: string) => {
    if (listed.length > 1) listed = listed.filter((each) => each !== server)
  }

  yield list('join', 0)
  for (;;) {
    const pauseMs = dice.size(50, 3000)
    const kind = dice.weighted({
      join: 8,
      leave: 3,
      crash: 2,
      rewrite: 4,
      blank: 2,
      rubbish: 0.4,
      delete: 0.2,
      elsewhere: 2,
    })
    if (kind === 'join') {
      const server = dice.pick(servers)
      listed = [...new Set([...listed, server])]
      yield list('join', pauseMs)
      // An apiserver that joins adds, removes and adds itself again.
      for (let flaps = dice.upTo(3); flaps > 0; flaps--) {
        without(server)
        yield list('flap', dice.size(20, 1500))
        listed = [...new Set([...listed, server])]
        yield list('flap', dice.size(20, 1500))
      }
    } else if (kind === 'leave' || kind === 'crash') {
      without(dice.pick(servers))
      yield list(kind, kind === 'leave' ? pauseMs : pauseMs + 2000)
    } else if (kind === 'rewrite') {
      yield list('rewrite', pauseMs)
    } else if (kind === 'elsewhere') {
      yield step('elsewhere', pauseMs, 'elsewhere')
    } else {
      const write =
        kind === 'delete'
          ? ('delete' as const)
          : ({
              kind: kind === 'blank' ? 'not-set' : 'invalid-value',
              text: dice.pick(kind === 'blank' ? nothing : rubbish),
              addresses: [],
            } as const)
      yield step(kind, pauseMs, write)
      yield list('mend', dice.size(50, 6000))
    }
  }
}
