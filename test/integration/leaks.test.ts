import net from 'node:net'
import { expect, test } from 'vitest'
import { checkLeaks } from '../support/leaks.ts'
import { serve } from '../support/serve.ts'

const { signal } = new AbortController()
const ignore = (): void => {}

test.each<[what: string, create: () => () => void]>([
  ['timer', () => clearTimeout.bind(undefined, setTimeout(ignore, 3_600_000))],
  [
    'listener for "abort" of AbortSignal',
    () => {
      signal.addEventListener('abort', ignore)
      return () => signal.removeEventListener('abort', ignore)
    },
  ],
  [
    'listener for "exit" of process',
    () => {
      process.on('exit', ignore)
      return () => process.off('exit', ignore)
    },
  ],
])('checkLeaks finds a %s', async (what, create) => {
  using leaks = checkLeaks(signal)
  const remove = create()
  await expect(leaks.expectNone(50)).rejects.toThrow(what)
  remove()
  await leaks.expectNone()
})

test('checkLeaks finds a connection that does not keep the process alive', async () => {
  const port = await serve(net.createServer())
  using leaks = checkLeaks()
  const socket = net.connect(port, '127.0.0.1').unref()
  await expect(leaks.expectNone(50)).rejects.toThrow('TCP connection')
  socket.destroy()
  await leaks.expectNone()
})
