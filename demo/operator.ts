// The first minutes of an operator with the command, with a real etcd: a gate for a unit, a file that follows the list, and a
// program that starts after the wait. In the middle of each, etcd is down. The exit code is 0 only if all of it went well.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findEtcd } from './etcd.ts'
import { createServer } from './server.ts'
import { Unit } from './unit.ts'

const three = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']
const timeoutMs = 120_000

const abort = new AbortController()
const fail = (message: string) => abort.abort(new Error(message))
setTimeout(fail, timeoutMs, `it did not end within ${timeoutMs / 1000} s`).unref()

try {
  await operate()
} catch (error) {
  process.exitCode = 1
  const { name, message, cause } = error as Error
  console.error(`\nThe demo failed: ${name === 'AbortError' ? (cause as Error).message : message}`)
}

async function operate(): Promise<void> {
  await using server = await createServer(await findEtcd(abort.signal))
  // As in /etc/default/rke2-apiserver-resolver. Those of the user's environment lead to another etcd.
  const others = Object.entries(process.env).filter(([name]) => !/^(ETCDCTL|RKE2_APISERVER_RESOLVER)_/.test(name))
  const env = {
    ...Object.fromEntries(others),
    NODE_NO_WARNINGS: '1',
    RKE2_APISERVER_RESOLVER_DATA_DIR: server.dataDir,
    RKE2_APISERVER_RESOLVER_ENDPOINTS: server.endpoint,
  }
  const start = (...args: string[]) => new Unit(args, env, abort.signal)
  const startEtcd = () => server.startEtcd((lastLine) => fail(`etcd exited: ${lastLine}`))
  const list = async (addresses: readonly string[]) => {
    const put = await server.openWriter()
    await put(`${JSON.stringify(addresses)}\n`)
  }
  const happens = (what: string) => console.log(`\n  --- ${what} ---\n`)

  await server.writeCertificates()
  console.log('1. A unit that must not start before three apiservers are there has this line:\n')
  console.log('ExecStartPre=+/usr/bin/env rke2-apiserver-resolver --min 3 --timeout 10m\n')
  console.log('$ systemctl start my-service & journalctl -fu my-service')
  {
    await using gate = start('--min', '3', '--timeout', '10m')
    await gate.until('waiting for etcd')
    happens('etcd starts, and one server joins')
    let etcd = await startEtcd()
    await gate.until('the key does not exist yet')
    await list(three.slice(0, 1))
    await gate.until('has 1 of at least 3 addresses')
    happens('etcd is down')
    await etcd[Symbol.asyncDispose]()
    await gate.until('waiting for etcd')
    happens('etcd is back, and two servers join')
    etcd = await startEtcd()
    await gate.until('has 1 of at least 3 addresses')
    await list(three)
    await gate.until('found 3 apiservers')
    console.log(`\nThe wait ended with exit code ${await gate.waitForExit()}: systemd starts the service.`)
    await etcd[Symbol.asyncDispose]()
  }

  const file = join(server.dataDir, 'list')
  /** Shows the file when it has these lines: it is written after the line in the journal. */
  const cat = async (...addresses: string[]) => {
    const expected = `${addresses.join('\n')}\n`
    while ((await readFile(file, 'utf8').catch(() => '')) !== expected) {
      await sleep(20, undefined, { signal: abort.signal })
    }
    console.log(`$ cat /run/apiserver-addresses/list\n${expected.trimEnd()}`)
  }
  console.log('\n2. A unit keeps a file for other programs:\n')
  const execStart = 'ExecStart=/usr/bin/env rke2-apiserver-resolver --watch --shrink-delay 1s'
  console.log(`${execStart} \\\n  --output /run/apiserver-addresses/list\n`)
  console.log('$ systemctl start apiserver-addresses & journalctl -fu apiserver-addresses')
  let etcd = await startEtcd()
  {
    await using follower = start('--watch', '--output', file, '--shrink-delay', '1s')
    await follower.until('found 3 apiservers')
    await cat(...three)
    happens('etcd is down: the file stays')
    await etcd[Symbol.asyncDispose]()
    await follower.until('still waiting for')
    await cat(...three)
    happens('etcd is back, and a server has left')
    etcd = await startEtcd()
    await follower.until('the watch follows the list')
    await list(three.slice(0, 2))
    await follower.until('the list now has 2 apiservers')
    await cat(...three.slice(0, 2))
    console.log('$ systemctl stop apiserver-addresses')
    await follower.stop()
    console.log('$ journalctl -p warning -u apiserver-addresses')
    follower.showWarnings()
  }

  console.log('\n3. A program that starts after the wait:\n')
  happens('etcd is down')
  await etcd[Symbol.asyncDispose]()
  const script = 'echo "my-program got $APISERVER_ADDRESSES"; exit 7'
  console.log(`$ rke2-apiserver-resolver --log-format text -- \\\n    sh -c '${script}'`)
  {
    const args = ['--log-format', 'text', '--', 'sh', '-c', script]
    await using program = new Unit(args, env, abort.signal, { hasJournal: false })
    await program.until('waiting for etcd')
    happens('etcd is back')
    etcd = await startEtcd()
    await program.until('my-program got 10.0.0.11:6443,10.0.0.12:6443')
    console.log(`\nThe command ended with exit code ${await program.waitForExit()}, that of the program.`)
  }
}
