import { randomUUID } from 'node:crypto'

/** An EndpointSlice as the real apiserver writes it. */
export interface Slice {
  readonly kind: 'EndpointSlice'
  readonly apiVersion: 'discovery.k8s.io/v1'
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly resourceVersion: string }
  readonly addressType: string
  readonly endpoints: readonly object[] | null
  readonly ports: readonly object[] | null
}

export interface WatchEvent {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Slice
}

/** The content of a slice that a test sets. */
export interface SliceContent {
  readonly addresses?: readonly string[]
  readonly ready?: boolean
  readonly addressType?: string
  readonly ports?: readonly object[] | null
  readonly endpoints?: readonly object[] | null
}

/** The EndpointSlices of the Service `default/kubernetes` in the store of a cluster, with the events of the past. */
export class SliceStore {
  version = 100
  /** Versions before this one are too old for a watch. */
  oldest = 0
  #slices = new Map<string, Slice>()
  #events: WatchEvent[] = []
  /** Called with each new event. */
  readonly listeners: Set<(event: WatchEvent) => void> = new Set()

  get slices(): readonly Slice[] {
    return [...this.#slices.values()]
  }

  /** Writes the slice `kubernetes` with these addresses at port 6443. */
  set(...addresses: readonly string[]): void {
    this.setSlice('kubernetes', { addresses })
  }

  setSlice(name: string, content: SliceContent): void {
    const before = this.#slices.get(name)
    const { addresses = [], ready = true, addressType = 'IPv4' } = content
    const { ports = [{ name: 'https', port: 6443, protocol: 'TCP' }] } = content
    const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready } }))
    this.version++
    const object: Slice = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: {
        name,
        namespace: 'default',
        uid: before?.metadata['uid'] ?? randomUUID(),
        resourceVersion: String(this.version),
        generation: Number(before?.metadata['generation'] ?? 0) + 1,
        labels: { 'kubernetes.io/service-name': 'kubernetes' },
      },
      addressType,
      endpoints: content.endpoints === undefined ? endpoints : content.endpoints,
      ports,
    }
    this.#slices.set(name, object)
    this.#emit({ version: this.version, type: before === undefined ? 'ADDED' : 'MODIFIED', object })
  }

  deleteSlice(name: string): void {
    const before = this.#slices.get(name)
    if (before === undefined) return
    this.version++
    this.#slices.delete(name)
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(this.version) } }
    this.#emit({ version: this.version, type: 'DELETED', object })
  }

  /** Writes something else, which raises the version. */
  bump(by = 1): void {
    this.version += by
  }

  /** Forgets the events of the past. */
  compact(): void {
    this.oldest = this.version
  }

  /** Saves a snapshot. The returned function restores it: versions go back, and are given out again. */
  save(): () => void {
    const [version, slices, events] = [this.version, new Map(this.#slices), [...this.#events]]
    return () => {
      this.version = version
      this.#slices = new Map(slices)
      this.#events = [...events]
    }
  }

  /** Returns the events after a version, oldest first. */
  after(version: number): readonly WatchEvent[] {
    return this.#events.filter((event) => event.version > version)
  }

  #emit(event: WatchEvent): void {
    this.#events.push(event)
    for (const listener of this.listeners) listener(event)
  }
}
