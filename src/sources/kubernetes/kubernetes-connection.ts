import type { Endpoint } from '../../addresses/endpoint.ts'
import { withTimeout } from '../../util/abort.ts'
import type { Clock } from '../../util/clock.ts'
import { objectOf } from '../../util/object.ts'
import type { Certificates } from '../certificates.ts'
import type { Connection, LateFailure, Stage } from '../connection.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import { readText } from './body.ts'
import { failureOfConnection, failureOfStatus } from './classify.ts'
import type { FailureContext } from './classify.ts'
import { parseEndpointSlice, parseVersion } from './endpoint-slices.ts'
import type { EndpointSlice } from './endpoint-slices.ts'
import { ListHistory } from './list-history.ts'
import type { SliceList } from './list-history.ts'
import { ApiserverSession, NoHttp2Error } from './session.ts'
import type { Response } from './session.ts'
import { SliceWatch } from './slice-watch.ts'
import { readToken } from './token.ts'
import { WatchPace } from './watch-pace.ts'

const path =
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes'

/** What all connections of one source share. */
export class SharedState {
  readonly history: ListHistory = new ListHistory()
  readonly pace: WatchPace = new WatchPace()
  /** The list that was read last, and its snapshot. */
  latest: { readonly list: SliceList; readonly snapshot: Snapshot } | undefined
  /** The newest list of a read or an event that is not empty. */
  servers: Uint8Array | undefined

  noteServers({ value }: Snapshot): void {
    this.servers = value ?? this.servers
  }
}

/** What one connection to an apiserver needs. */
export interface KubernetesConnectionOptions {
  readonly endpoint: Endpoint
  /** Whether the endpoint is one of this node. */
  readonly isOfNode: boolean
  readonly certificates: Certificates | undefined
  readonly tokenFile: string | undefined
  readonly state: SharedState
  readonly clock: Clock
  readonly attemptTimeoutMs: number
  readonly lateFailure: LateFailure
}

/** Returns a connection to one apiserver. It starts to connect with the first request. */
export const connect = (options: KubernetesConnectionOptions): Connection => new KubernetesConnection(options)

class KubernetesConnection implements Connection {
  readonly #options: KubernetesConnectionOptions
  readonly #context: FailureContext
  readonly #session: ApiserverSession

  constructor(options: KubernetesConnectionOptions) {
    const { endpoint, isOfNode, certificates, clock } = options
    this.#options = options
    this.#context = { url: endpoint.url, isOfNode, certificates }
    this.#session = new ApiserverSession(endpoint, certificates, clock)
  }

  get stage(): Stage {
    return this.#session.stage
  }

  whenReady(): Promise<void> {
    return this.#session.ready().catch(() => new Promise<never>(() => {}))
  }

  /** A list without a `resourceVersion` is consistent: the apiserver has confirmed it with etcd's quorum. */
  async read(signal: AbortSignal): Promise<Snapshot> {
    const { state } = this.#options
    const before = state.history.version
    const response = await this.#get(path, signal)
    const { text, isComplete } = await readText(response, signal)
    if (response.status !== 200) throw failureOfStatus(response.status, response.headers, text, this.#context)
    if (!isComplete) throw failureOfConnection(this.#session.error ?? cut(), this.#context)
    const list = parseList(text)
    if (list === undefined) {
      throw new Failure('rejected', `${this.#context.url}: the answer is no list of EndpointSlices`)
    }
    const snapshot = state.history.ofList(list, before)
    state.latest = { list, snapshot }
    state.noteServers(snapshot)
    return snapshot
  }

  /** Watches from the list that was read last. Only a read decides how a call ends, so no refusal of a watch is final. */
  async watch(_afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const { clock, state } = this.#options
    const { latest, history, pace } = state
    if (latest === undefined) throw new Failure('unavailable', 'there is no list to watch from')
    const watch = new SliceWatch(latest.list, latest.snapshot, {
      history,
      pace,
      clock,
      ending: this.#session.ending,
      request: (version, until) => this.#requestWatch(version, until),
      resume: (version, until) => this.#resumeWatch(version, until),
      onList: (snapshot) => state.noteServers(snapshot),
    })
    await watch.open(signal)
    return watch
  }

  close(): void {
    this.#session.close()
  }

  /** Resolves with `undefined` if the version is too old. A server says so by an event or by this status. */
  async #requestWatch(version: bigint, signal: AbortSignal): Promise<Response | undefined> {
    // At random, so that the watches of a cluster do not end in step.
    const timeoutSeconds = 300 + Math.floor(this.#options.clock.random() * 301)
    const query = `&watch=true&allowWatchBookmarks=true&resourceVersion=${version}&timeoutSeconds=${timeoutSeconds}`
    const response = await this.#get(path + query, signal)
    if (response.status === 200) return response
    const { text } = await readText(response, signal)
    if (response.status === 410) return undefined
    throw failureOfStatus(response.status, response.headers, text, this.#context).retriedFor(Infinity)
  }

  #resumeWatch(version: bigint, signal: AbortSignal): Promise<Response | undefined> {
    const { endpoint, clock, attemptTimeoutMs, lateFailure } = this.#options
    const reason = () => lateFailure(endpoint.url, this.stage)
    return withTimeout(clock, attemptTimeoutMs, reason, signal, (controller) =>
      this.#requestWatch(version, controller.signal),
    )
  }

  async #get(pathAndQuery: string, signal: AbortSignal): Promise<Response> {
    const { tokenFile } = this.#options
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile, signal)
    try {
      return await this.#session.get(pathAndQuery, token, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof NoHttp2Error) {
        throw new Failure('rejected', `${this.#context.url}: this is not an apiserver: it does not speak HTTP/2`)
      }
      throw failureOfConnection(error as Error, this.#context)
    }
  }
}

const cut = () => new Error('the connection was closed in the middle of the answer')

/** Returns the slices of an answer; `undefined` if it is no list of EndpointSlices. */
function parseList(text: string): SliceList | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const { kind, metadata, items } = objectOf(json)
  const version = parseVersion(objectOf(metadata)['resourceVersion'])
  if (kind !== 'EndpointSliceList' || version === undefined) return undefined
  // Kubernetes writes `null` for an empty list.
  if (items !== null && items !== undefined && !Array.isArray(items)) return undefined
  const slices = new Map<string, EndpointSlice>()
  for (const item of items ?? []) {
    const slice = parseEndpointSlice(item)
    if (slice === undefined) return undefined
    slices.set(slice.name, slice)
  }
  return { version, slices }
}
