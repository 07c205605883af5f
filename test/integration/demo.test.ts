import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the demo of an operator ends well: a gate, a file and a program, each with etcd down in the middle', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['demo/operator.ts'], { timeout: 120_000 })
  expect(stdout).toMatch(/exit code 0.*systemctl stop.*exit code 7/s)
}, 130_000)

test('npm run demo shows the phases of a booting server in order, and the three addresses', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'demo'], { timeout: 50_000 })

  // Other reasons may appear between these, such as etcd without a leader.
  const phases = ['tls-files-missing', 'unreachable', 'not-set', 'incomplete', 'resolved']
  const seen = stdout.match(/(?<=└ after \d.* m?s +)[a-z-]+/g)?.filter((reason) => phases.includes(reason))
  expect([...new Set(seen)]).toEqual(phases)
  expect(stdout).toContain('exit code 0')
  expect(stdout.trim().split(/\s+/).slice(-3)).toEqual(['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443'])
})
