import type { Client } from '@grpc/grpc-js'

export function connect(
  endpoint: string,
  options?: object,
  tls?: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer },
): Client
export function get(
  client: Client,
  key: string,
  options?: object,
): Promise<{ readonly value: string | undefined; readonly revision: number }>
export function put(client: Client, key: string, value: string): Promise<void>
export function watch(client: Client, key: string, revision: number, created?: () => void): AsyncGenerator<string>
