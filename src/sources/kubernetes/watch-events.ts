import { objectOf } from '../../util/object.ts'
import { oneLine, scalarText } from '../../util/text.ts'
import { Failure } from '../failure.ts'
import { parseEndpointSlice, parseVersion } from './endpoint-slices.ts'
import type { EndpointSlice } from './endpoint-slices.ts'

/** One event of a watch. */
export type WatchEvent =
  | { readonly type: 'changed'; readonly slice: EndpointSlice; readonly isDeleted: boolean }
  | { readonly type: 'bookmark'; readonly version: bigint }
  /** The version that the watch started from is too old. */
  | { readonly type: 'expired' }

/** @throws Failure for a line that is no event of this watch */
export function parseWatchEvent(line: string): WatchEvent {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (cause) {
    throw new Failure('unavailable', 'invalid response of the apiserver (an event that is no JSON)', { cause })
  }
  const { type, object } = objectOf(json)
  if (type === 'ERROR') return parseError(object)
  const { kind, metadata } = objectOf(object)
  if (kind !== 'EndpointSlice') throw unexpected(`an event about ${oneLine(scalarText(kind))}`)
  if (type === 'BOOKMARK') {
    const version = parseVersion(objectOf(metadata)['resourceVersion'])
    if (version === undefined) throw unexpected('a bookmark without a version')
    return { type: 'bookmark', version }
  }
  const slice = parseEndpointSlice(object)
  if (slice === undefined) throw unexpected('an EndpointSlice without a name or a version')
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') {
    throw unexpected(`an event of the type ${oneLine(scalarText(type))}`)
  }
  return { type: 'changed', slice, isDeleted: type === 'DELETED' }
}

/** An event as the apiserver writes it, newer than any list: its version is the largest of 64 bits. */
export const sampleEvent: string = JSON.stringify({
  type: 'MODIFIED',
  object: {
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', uid: 'sample', resourceVersion: '9223372036854775807', generation: 1 },
    endpoints: [{ addresses: ['localhost'], conditions: { ready: true } }],
    ports: [{ name: 'https', port: 6443 }],
  },
})

function parseError(object: unknown): WatchEvent {
  const { code, message } = objectOf(object)
  if (code === 410) return { type: 'expired' }
  const text = `${scalarText(code)}: ${scalarText(message)}`
  throw new Failure('unavailable', `the apiserver ended the watch (${oneLine(text)})`)
}

const unexpected = (what: string) => new Failure('unavailable', `invalid response of the apiserver (${what})`)
