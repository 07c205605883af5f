import { onTestFinished } from 'vitest'
import type { Connection } from '../../src/sources/connection.ts'
import { connect } from '../../src/sources/etcd/etcd-connection.ts'
import type { EtcdConnectionOptions } from '../../src/sources/etcd/options.ts'
import { connectionDefaults, endpointOf } from './endpoint.ts'

/** Opens a connection to a plain-text endpoint, which is closed at the end of the test. */
export async function openConnection(
  url: string,
  credentials?: EtcdConnectionOptions['credentials'],
): Promise<Connection> {
  const connection = await connect({ ...connectionDefaults, endpoint: endpointOf(url), credentials })
  onTestFinished(() => connection.close())
  return connection
}
