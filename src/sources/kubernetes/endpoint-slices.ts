import { createHash } from 'node:crypto'
import { objectOf } from '../../util/object.ts'
import { scalarText } from '../../util/text.ts'

/** The part of an EndpointSlice of `discovery.k8s.io/v1` that the list is made of. */
export interface EndpointSlice {
  readonly name: string
  readonly uid: string
  /** The revision of the store that wrote the slice. */
  readonly resourceVersion: bigint
  /** The number of changes of the slice. */
  readonly generation: bigint
  /** The addresses of its endpoints that are ready, as `host:port`, not checked. */
  readonly addresses: readonly string[]
}

/** Returns a slice from its JSON; `undefined` if it is no EndpointSlice. */
export function parseEndpointSlice(json: unknown): EndpointSlice | undefined {
  const { metadata, ports, endpoints } = objectOf(json)
  const { name, uid, resourceVersion, generation } = objectOf(metadata)
  const version = parseVersion(resourceVersion)
  if (typeof name !== 'string' || version === undefined || !isList(ports) || !isList(endpoints)) return undefined
  const port = httpsPort(ports ?? [])
  const ready = port === undefined ? [] : (endpoints ?? []).filter(isReady)
  const hosts = ready.flatMap((endpoint) => listOf(objectOf(endpoint)['addresses']))
  return {
    name,
    uid: scalarText(uid),
    resourceVersion: version,
    generation: BigInt(Number.isSafeInteger(generation) ? (generation as number) : 0),
    addresses: hosts.map((host) => addressOf(host, port)),
  }
}

/** Returns a version of Kubernetes, which is a revision of the store; `undefined` if it is none. */
export function parseVersion(text: unknown): bigint | undefined {
  return typeof text === 'string' && /^[1-9]\d{0,18}$/.test(text) ? BigInt(text) : undefined
}

/** Returns the list that all slices are together, as JSON. */
export function listValue(slices: Iterable<EndpointSlice>): Uint8Array | undefined {
  const addresses = [...slices].flatMap((slice) => slice.addresses)
  return addresses.length === 0 ? undefined : Buffer.from(JSON.stringify([...new Set(addresses)].toSorted()))
}

/** Returns a number that is another one when a slice was created again. */
export function identityOf(slices: readonly EndpointSlice[]): bigint {
  if (slices.length === 0) return 0n
  const uids = slices.map(({ uid }) => uid).toSorted()
  return BigInt(`0x${createHash('sha256').update(uids.join()).digest('hex').slice(0, 15)}`)
}

/** The port named `https`, or the only one. `undefined` if the slice is not for the apiservers. */
function httpsPort(ports: readonly unknown[]): unknown {
  const named = ports.find((port) => objectOf(port)['name'] === 'https')
  const chosen = named ?? (ports.length === 1 ? ports[0] : undefined)
  return chosen === undefined ? undefined : (objectOf(chosen)['port'] ?? null)
}

/** An endpoint without this condition is ready, by the API's definition. */
const isReady = (endpoint: unknown): boolean => objectOf(objectOf(endpoint)['conditions'])['ready'] !== false

function addressOf(host: unknown, port: unknown): string {
  const text = scalarText(host)
  return `${text.includes(':') ? `[${text}]` : text}:${scalarText(port)}`
}

/** Kubernetes writes `null` for an empty list. */
const isList = (value: unknown): value is readonly unknown[] | null | undefined =>
  value === null || value === undefined || Array.isArray(value)

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
