import { parseEndpoint } from '../../src/addresses/endpoint.ts'
import type { Endpoint } from '../../src/addresses/endpoint.ts'

/** Returns the endpoint of a valid URL. */
export function endpointOf(url: string): Endpoint {
  const endpoint = parseEndpoint(url)
  if ('problem' in endpoint) throw new Error(`${url} ${endpoint.problem}`)
  return endpoint
}

/** The options of a connection that only some tests set. */
export const connectionDefaults = {
  certificates: undefined,
  key: 'key',
  credentials: undefined,
  keepaliveMs: 10_000,
  onExcessPings: (): void => {},
}
