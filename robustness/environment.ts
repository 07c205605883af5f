import type { ResolveOptions } from '../src/index.ts'
import type { SourceKind } from '../src/sources/source.ts'
import type { Proxy } from '../test/support/net.ts'
import type { SeededRandom } from '../test/support/random.ts'
import type { Outages } from './failpoint/outages.ts'
import type { Faults, Targets } from './failpoint/targets.ts'
import type { WallClock } from './failpoint/wall-clock.ts'
import type { History } from './model/history.ts'
import type { KeyValue } from './model/key-value.ts'
import type { Fault, FaultKind } from './random/faults.ts'
import type { Report } from './report/report.ts'

/** The store that the servers of a campaign read, and the history of its list. */
export interface Store {
  /** Completes the history: adds every write that has taken effect so far. */
  updateHistory(): Promise<void>
  /** Writes the list until it is the current one. Resolves with the time of that write, if there was one. */
  setList(list: KeyValue, random: SeededRandom): Promise<number | undefined>
}

/** A write of the store at its time. */
export interface PlannedRequest {
  /** Milliseconds from the end of the previous write to the start of this one. */
  readonly afterMs: number
  /** Why the store is written, for the summary. */
  readonly kind: string
  /** Sends the write. Resolves with whether it was acknowledged. */
  send(): Promise<boolean>
}

/** The faults of a campaign and what they act on. */
export interface FaultSet {
  readonly targets: Targets<unknown>
  readonly faults: Partial<Faults<FaultKind>>
}

/** The connections and watch streams of clients that the servers have. */
export interface ConnectionCounts {
  readonly connections: number
  readonly streams: number
}

/** What every environment is made with. */
export interface CommonParts {
  readonly wallClock: WallClock
  readonly report: Report
}

/** The servers that a campaign reads from, the proxies in front of them, and their store. */
export interface Environment extends AsyncDisposable {
  readonly source: SourceKind
  /** The proxies that clients connect to. An endpoint is an index of a proxy. */
  readonly proxies: readonly Proxy[]
  readonly store: Store
  readonly history: History
  readonly wallClock: WallClock
  readonly report: Report
  /** Returns the options with which a client connects to these endpoints. */
  connection(endpoints: readonly number[]): ResolveOptions
  /** Returns the writes, which follow from the random numbers. */
  writes(random: SeededRandom): () => PlannedRequest
  /** Returns the faults in the order in which they start. */
  plannedFaults(random: SeededRandom): Iterator<Fault, never>
  /** Creates the faults, which note the times when an endpoint cannot return a list. */
  createFaults(outages: Outages): FaultSet
  /** Resolves when every server works again. */
  waitUntilHealthy(): Promise<void>
  countConnections(): Promise<ConnectionCounts>
  /** Returns the end of the log of each server. */
  logs(): Promise<Readonly<Record<string, string>>>
}
