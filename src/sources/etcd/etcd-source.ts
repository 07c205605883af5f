import { serverCaFiles } from '../../rke2.ts'
import type { Clock } from '../../util/clock.ts'
import type { CheckPort } from '../connection.ts'
import { sourceDefaults } from '../defaults.ts'
import { EndpointReader } from '../endpoint-reader.ts'
import type { Failure } from '../failure.ts'
import { createLateFailure } from '../late.ts'
import { etcdNodeHint } from '../node-hints.ts'
import type { Source } from '../source.ts'
import { checkPort } from './check-port.ts'
import { connectToEtcd, createConnect } from './connect.ts'
import type { ConnectToEtcd, EtcdSourceOptions } from './options.ts'

const lateFailure = createLateFailure('etcd', 'it may be frozen or without a quorum')

/** Reads and watches the key in etcd, on whichever endpoint answers. */
export class EtcdSource extends EndpointReader implements Source {
  readonly kind = 'etcd'
  readonly subject: string
  readonly serverCaFiles: readonly string[]
  readonly shrinkDelayMs: number = sourceDefaults.etcd.shrinkDelayMs
  readonly longestDelayMs: number = Infinity
  readonly #options: EtcdSourceOptions

  constructor(
    options: EtcdSourceOptions,
    clock: Clock,
    connect: ConnectToEtcd = connectToEtcd,
    check: CheckPort = checkPort,
  ) {
    super(options, clock, {
      connect: createConnect(options, connect),
      lateFailure,
      checkPort: check,
      isClusterWide: (failure) => failure.isClusterWide,
    })
    this.#options = options
    this.subject = options.key
    this.serverCaFiles = serverCaFiles(options.dataDir)
  }

  hint({ reason }: Failure, waitedMs: number): Promise<string | undefined> | undefined {
    const isLocal = reason === 'tls-files-missing' || reason === 'unreachable'
    return isLocal && this.#options.usesDataDir ? etcdNodeHint(this.#options, waitedMs) : undefined
  }
}
