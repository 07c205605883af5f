import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Apiserver } from '../../apiserver.ts'
import { Etcd } from '../../etcd.ts'
import { monotonicMs } from '../../processes.ts'

/** A server with a list that changes, and the faults of a soak. */
export interface SoakServer extends AsyncDisposable {
  /** The options with which a call reads the list. */
  readonly where: object
  /** Writes the list. Resolves with the time of the write. */
  write(addresses: readonly string[]): Promise<number>
  /** Ends all connections. New ones are refused until `boot`. */
  stop(): Promise<void>
  boot(): Promise<void>
  /** Writes a new client certificate to the files of the old one. */
  rotate(): Promise<void>
}

const key = 'soak'

/** Starts an etcd that requires mutual TLS. */
export async function startEtcd(): Promise<SoakServer> {
  const etcd = await Etcd.start({ secure: true })
  const file = (name: string) => join(etcd.tlsFolder, name)
  const tls = { caFile: file('ca.pem'), certFile: file('client-cert.pem'), keyFile: file('client-key.pem') }
  const server: SoakServer = {
    where: { endpoints: etcd.endpoint, key, tls },
    async write(addresses) {
      const at = monotonicMs()
      await etcd.put(key, JSON.stringify(addresses.map((address) => `${address}:6443`)))
      return at
    },
    stop: () => etcd.stop(),
    boot: () => etcd.boot(),
    async rotate() {
      const pair = await etcd.tls!.authority.issue({ commonName: 'etcd-client', usages: ['client'] })
      await Promise.all([writeFile(tls.certFile, pair.cert), writeFile(tls.keyFile, pair.key)])
    },
    [Symbol.asyncDispose]: () => etcd[Symbol.asyncDispose](),
  }
  await server.rotate()
  return server
}

/** Starts the fake apiserver of the tests, in a process of its own. */
export async function startApiserver(): Promise<SoakServer> {
  const apiserver = await Apiserver.start()
  return {
    where: { source: 'kubernetes', endpoints: apiserver.endpoint, dataDir: apiserver.dataDir },
    write: (addresses) => apiserver.set(...addresses),
    stop: () => apiserver.stop(),
    boot: () => apiserver.boot(),
    rotate: () => apiserver.rotate(),
    [Symbol.asyncDispose]: () => apiserver[Symbol.asyncDispose](),
  }
}
