import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const folder = join(import.meta.dirname, '..', 'systemd')

/** The value of a setting of a unit file, without the prefix that says with whose rights it runs. */
async function setting(unit: string, name: string): Promise<string> {
  const lines = (await readFile(join(folder, unit), 'utf8')).split('\n').filter((line) => line.startsWith(`${name}=`))
  assert.equal(lines.length, 1, `${unit} has one ${name}`)
  return lines[0]?.slice(name.length + 1).replace(/^[+!-]+/, '') ?? ''
}

export const scenario: Scenario = async ({ dataDir, env, flags, apiservers, list }, say, signal) => {
  const [a, b, c] = apiservers
  // What systemd reads from EnvironmentFile.
  const environment = { ...env, RESOLVER_FLAGS: flags.join(' ') }

  const gate = await setting('my-service.service', 'ExecStartPre')
  say(`ExecStartPre of my-service.service, while a second and a third server join, and the third is not alive yet:`)
  {
    await c.stop()
    await list(a)
    await using run = new Run(['sh', '-c', gate], environment, signal)
    await run.until('has 1 of at least 3 addresses')
    await list(a, b, c)
    await run.until(`${c.address} is dead`)
    await c.start()
    assert.equal(await run.ended(), 0)
  }

  const file = join(dataDir, 'list')
  const follow = (await setting('apiserver-addresses.service', 'ExecStart'))
    .replace('/usr/local/lib/rke2-apiserver-resolver', folder)
    .replace('%t/apiserver-addresses/list', file)
  say('ExecStart of apiserver-addresses.service, while a server dies:')
  {
    const flagsOfWatch = `${environment.RESOLVER_FLAGS} --probe-interval 200ms`
    await using run = new Run(['sh', '-c', follow], { ...environment, RESOLVER_FLAGS: flagsOfWatch }, signal)
    const becomes = async (...addresses: string[]) => {
      const read = () => readFile(file, 'utf8').catch(() => '')
      while ((await read()) !== `${addresses.join('\n')}\n`) await sleep(50, undefined, { signal })
    }
    await run.until('found 3 apiservers')
    await becomes(a.address, b.address, c.address)
    await a.stop()
    await becomes(b.address, c.address, a.address)
    say(`The file:\n${await readFile(file, 'utf8')}`)
  }
  await verify(dataDir, say)
}

/** systemd's own check, where there is one; what the units start is not installed here. */
async function verify(dataDir: string, say: (text: string) => void): Promise<void> {
  const units: string[] = []
  for (const unit of ['my-service.service', 'apiserver-addresses.service']) {
    const text = await readFile(join(folder, unit), 'utf8')
    units.push(join(dataDir, unit))
    await writeFile(join(dataDir, unit), text.replace('/usr/local/bin/my-service', '/bin/true'))
  }
  try {
    await promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...units])
    say('systemd-analyze verify finds nothing wrong with the units.')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    say('systemd-analyze is not here: the units are not verified.')
  }
}
