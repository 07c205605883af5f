import { onTestFinished } from 'vitest'
import type { Connection, ConnectionOptions } from '../../src/sources/etcd/connection.ts'
import { connect } from '../../src/sources/etcd/etcd-connection.ts'
import { connectionDefaults, endpointOf } from './endpoint.ts'

/** Opens a connection to a plain-text endpoint, which is closed at the end of the test. */
export async function openConnection(url: string, credentials?: ConnectionOptions['credentials']): Promise<Connection> {
  const connection = await connect({ ...connectionDefaults, endpoint: endpointOf(url), credentials })
  onTestFinished(() => connection.close())
  return connection
}
