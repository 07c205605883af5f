import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'
import { waitForFile } from './wait-for-file.ts'

const folder = join(import.meta.dirname, '..', 'systemd')

/** Returns the value of a setting in a unit file, without the prefix that sets the privileges of a command. */
async function setting(unit: string, name: string): Promise<string> {
  const lines = (await readFile(join(folder, unit), 'utf8')).split('\n').filter((line) => line.startsWith(`${name}=`))
  assert.equal(lines.length, 1, `${unit} must have exactly one ${name}`)
  return lines[0]?.slice(name.length + 1).replace(/^[+!-]+/, '') ?? ''
}

export const scenario: Scenario = async ({ dataDir, endpoint, env, apiservers, list }, print, signal) => {
  const [a, b, c] = apiservers
  // systemd reads these variables from EnvironmentFile.
  const environment = {
    ...env,
    RKE2_APISERVER_RESOLVER_DATA_DIR: dataDir,
    RKE2_APISERVER_RESOLVER_ENDPOINTS: endpoint,
    RKE2_APISERVER_RESOLVER_PROBE_INTERVAL: '200ms',
  }

  const wait = await setting('my-service.service', 'ExecStartPre')
  print('ExecStartPre of my-service.service. Two servers join, and the third apiserver is not alive yet:')
  {
    await c.stop()
    await list(a)
    await using run = new Run(['sh', '-c', wait], environment, signal)
    await run.until('has 1 of at least 3 addresses')
    await list(a, b, c)
    await run.until(`${c.address} is dead`)
    await c.start()
    assert.equal(await run.waitForExit(), 0)
  }

  const file = join(dataDir, 'list')
  const watched = await setting('apiservers-changed.path', 'PathChanged')
  const follow = await setting('apiserver-addresses.service', 'ExecStart')
  assert(follow.includes(`--output ${watched}`), 'the path unit watches the file that the service writes')
  print('ExecStart of apiserver-addresses.service. An apiserver stops:')
  {
    await using run = new Run(['sh', '-c', follow.replace(watched, file)], environment, signal)
    await run.until('found 3 apiservers')
    await waitForFile(file, [a.address, b.address, c.address], signal)
    await a.stop()
    await waitForFile(file, [b.address, c.address, a.address], signal)
    print(`The file:\n${await readFile(file, 'utf8')}`)
  }
  await verifyUnits(dataDir, print)
}

/** Checks the units with systemd-analyze if it is installed. /bin/true takes the place of the service, which is not. */
async function verifyUnits(dataDir: string, print: (text: string) => void): Promise<void> {
  const units: string[] = []
  for (const unit of (await readdir(folder)).filter((name) => /\.(service|path)$/.test(name))) {
    const text = await readFile(join(folder, unit), 'utf8')
    units.push(join(dataDir, unit))
    await writeFile(join(dataDir, unit), text.replace('/usr/local/bin/my-service', '/bin/true'))
  }
  try {
    await promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...units])
    print('systemd-analyze verify finds no errors in the units.')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    print('systemd-analyze is not installed: the units are not verified.')
  }
}
