import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const program = join(import.meta.dirname, '..', 'node-agent', 'agent.ts')

export const scenario: Scenario = async ({ env, apiservers, list }, print, signal) => {
  const [a, b, c] = apiservers
  print('$ node agent.ts')
  await using run = new Run([process.execPath, program], { ...env, PORT: '0' }, signal)
  const { port } = JSON.parse(await run.until(/^.*serving/m)) as { port: number }
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal })
    return { status: response.status, body: await response.text() }
  }

  await run.until('not-set')
  print(`GET /readyz while there is no list: ${JSON.stringify(await get('/readyz'))}`)
  assert.equal((await get('/readyz')).status, 503)
  assert.equal((await get('/healthz')).status, 200)
  assert.match(
    (await get('/metrics')).body,
    /^rke2_apiservers_waiting\{key="rke2\/apiaddresses",reason="not-set"\} 1$/m,
  )

  await list(a, b)
  await run.until('found 2 apiservers')
  assert.deepEqual(await get('/readyz'), { status: 200, body: `${a.address}\n${b.address}\n` })

  print('A third server joins, and its apiserver is not alive.')
  await c.stop()
  await list(a, b, c)
  await run.until(/"added":\["/)
  await run.until('1 dead')
  const { body } = await get('/metrics')
  print(`GET /metrics:\n${body.replace(/^#.*\n/gm, '')}`)
  assert.match(body, /^rke2_apiservers_listed\{key="rke2\/apiaddresses"\} 3$/m)
  assert.match(body, new RegExp(`^rke2_apiservers_up\\{key="rke2/apiaddresses",address="${a.address}"\\} 1$`, 'm'))
  assert.match(body, new RegExp(`^rke2_apiservers_up\\{key="rke2/apiaddresses",address="${c.address}"\\} 0$`, 'm'))
  assert.match(body, /^rke2_apiservers_following\{key="rke2\/apiaddresses"\} 1$/m)

  assert.equal(await run.stop(), 0)
}
