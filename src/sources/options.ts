import type { Endpoint } from '../addresses/endpoint.ts'
import type { Logger } from '../options.ts'
import type { Distribution, TlsFiles } from '../rke2.ts'
import type { SourceKind } from './source.ts'

/** The options of a call that decide where the list is read, and how. */
export interface SourceOptions {
  /** `'auto'` if the files of the node decide. */
  readonly source: SourceKind | 'auto'
  readonly distribution: Distribution | 'auto'
  readonly dataDir: string | undefined
  /** The endpoints without duplicates, in the order of the option. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]] | undefined
  readonly tls: TlsFiles | undefined
  readonly tokenFile: string | undefined
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  readonly key: string | undefined
  readonly attemptTimeoutMs: number | undefined
  readonly logger: Logger | undefined
}
