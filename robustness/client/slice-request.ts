import { sliceObject } from '../model/slices.ts'
import type { SliceWrite } from '../model/slices.ts'

const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const serviceLabel = 'kubernetes.io/service-name'

/** A write as a request to an apiserver. */
export interface SliceRequest {
  readonly method: 'PUT' | 'DELETE'
  readonly path: string
  readonly body: object
}

/** The path to create a slice at, which PUT does not do. */
export const createPath: string = path

/**
 * Returns the request of a write.
 *
 * @param id the number of the write, which is stored with the slice
 * @param version the version that a deletion is for: a deletion that is delayed must not delete a newer slice
 */
export function sliceRequest(write: SliceWrite, id: number, version: number | undefined): SliceRequest {
  if (write.type === 'delete') {
    const body = { preconditions: { resourceVersion: String(version) } }
    return { method: 'DELETE', path: `${path}/${write.name}`, body }
  }
  const [name, service] = write.type === 'put' ? [write.name, 'kubernetes'] : ['other', 'other']
  const metadata = { name, labels: { [serviceLabel]: service }, annotations: { write: writeMark(id) } }
  const slice = write.type === 'put' ? sliceObject(write.name, write.endpoints) : sliceObject('kubernetes', [])
  return { method: 'PUT', path: `${path}/${name}`, body: { metadata, ...slice } }
}

/** Returns the text by which a stored slice names its write. */
export const writeMark = (id: number): string => `write-${id};`

/** Returns the number of the write in the bytes of a stored slice; `undefined` if there is none. */
export function markedWrite(stored: Buffer): number | undefined {
  const [, id] = /write-(\d+);/.exec(stored.toString('latin1')) ?? []
  return id === undefined ? undefined : Number(id)
}

/**
 * Returns whether a write was acknowledged; `false` if it was refused, and so without effect.
 *
 * @throws Error if its outcome is unknown
 */
export function isAcknowledged(status: number): boolean {
  if (status < 300) return true
  if (status < 500 && status !== 408) return false
  throw new Error(`HTTP status ${status}`)
}
