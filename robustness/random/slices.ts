import type { SeededRandom } from '../../test/support/random.ts'
import { addressesOf } from '../model/slices.ts'
import type { SliceEndpoint, SliceName, SliceWrite } from '../model/slices.ts'
import { servers } from './writes.ts'

export interface PlannedSliceWrite {
  /** Milliseconds from the end of the previous write to the start of this one. */
  readonly afterMs: number
  /** Why the slice is written, for the summary. */
  readonly kind: string
  readonly write: SliceWrite
  /** Selects one of the apiservers that are reachable: at least 0 and less than 1. */
  readonly server: number
}

const names = ['kubernetes', 'kubernetes-2', 'kubernetes-ipv6'] as const

/**
 * Generates the writes of the EndpointSlices while servers join, leave and are not ready, and writes of other programs.
 * The last server never leaves: Kubernetes does not remove the last endpoint either. No value is invalid, because an
 * apiserver refuses such a slice.
 */
export function* randomSliceWrites(random: SeededRandom): Generator<PlannedSliceWrite, never> {
  const slices = new Map<SliceName, readonly string[]>([['kubernetes', [servers[0]]]])
  const plan = (kind: string, afterMs: number, write: SliceWrite): PlannedSliceWrite => ({
    afterMs,
    kind,
    write,
    server: random.random(),
  })
  const endpointsOf = (name: SliceName): SliceEndpoint[] =>
    random.shuffle(slices.get(name) ?? []).map((address) => ({ address, ready: true }))
  const put = (kind: string, afterMs: number, name: SliceName, endpoints = endpointsOf(name)) =>
    plan(kind, afterMs, { type: 'put', name, endpoints })
  const add = (name: SliceName, server: string) => slices.set(name, [...new Set([...(slices.get(name) ?? []), server])])
  const remove = (name: SliceName, server: string) => {
    const rest = (slices.get(name) ?? []).filter((each) => each !== server)
    const others = names.filter((each) => each !== name).flatMap((each) => slices.get(each) ?? [])
    if (rest.length + others.length > 0) slices.set(name, rest)
  }

  yield put('join', 0, 'kubernetes')
  for (;;) {
    const pauseMs = random.size(50, 3000)
    const kind = random.weighted({
      join: 8,
      leave: 4,
      'not ready': 2,
      rewrite: 3,
      empty: 2,
      'delete slice': 2,
      unrelated: 2,
    })
    const server = random.pick(servers)
    const name = server.startsWith('[') ? 'kubernetes-ipv6' : random.chance(0.7) ? 'kubernetes' : 'kubernetes-2'
    if (kind === 'join') {
      add(name, server)
      yield put('join', pauseMs, name)
      // An apiserver that joins adds, removes and adds itself again.
      for (let flaps = random.upTo(3); flaps > 0; flaps--) {
        remove(name, server)
        yield put('flap', random.size(20, 1500), name)
        add(name, server)
        yield put('flap', random.size(20, 1500), name)
      }
    } else if (kind === 'leave') {
      for (const each of names.filter((slice) => slices.get(slice)?.includes(server))) {
        remove(each, server)
        yield put('leave', pauseMs, each)
      }
    } else if (kind === 'not ready') {
      const endpoints = endpointsOf(name).map((endpoint) => ({ ...endpoint, ready: random.chance(0.5) }))
      yield put('not ready', pauseMs, name, endpoints)
      yield put('repair', random.size(50, 6000), name)
    } else if (kind === 'rewrite') {
      yield put('rewrite', pauseMs, name)
    } else if (kind === 'unrelated') {
      yield plan('unrelated', pauseMs, { type: 'unrelated' })
    } else {
      // All slices at once leave no list.
      const chosen = kind === 'empty' ? names : [random.pick(names)]
      for (const each of chosen) {
        yield kind === 'empty' ? put('empty', pauseMs, each, []) : plan(kind, pauseMs, { type: 'delete', name: each })
      }
      for (const each of chosen) {
        if (addressesOf([endpointsOf(each)]).length > 0) yield put('repair', random.size(50, 3000), each)
      }
    }
  }
}
