import { serverCaFiles } from '../../src/rke2.ts'
import type { Failure } from '../../src/sources/failure.ts'

/** What a fake source says about itself: the source of a server with embedded etcd, without hints. */
export class SourceTraits {
  readonly kind = 'etcd'
  readonly subject = 'rke2/apiaddresses'
  readonly serverCaFiles: readonly string[]
  readonly shrinkDelayMs = 3000
  readonly longestDelayMs = Infinity

  constructor(dataDir = '/var/lib/rancher/rke2') {
    this.serverCaFiles = serverCaFiles(dataDir)
  }

  hint(_failure: Failure, _waitedMs: number): Promise<string | undefined> | undefined {
    return undefined
  }
}
