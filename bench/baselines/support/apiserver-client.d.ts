import type { ClientHttp2Session } from 'node:http2'

export function connect(endpoint: string, dataDir: string): ClientHttp2Session
export function list(
  session: ClientHttp2Session,
): Promise<{ readonly addresses: readonly string[]; readonly version: string }>
export function watch(
  session: ClientHttp2Session,
  version: string,
  created?: () => void,
): AsyncGenerator<readonly string[]>
