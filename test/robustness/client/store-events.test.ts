import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { readStoreEvents } from '../../../robustness/client/store-events.ts'
import { serve } from '../../support/serve.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const put = (key: string, revision: number, value: string) => ({
  kv: { key: base64(key), mod_revision: String(revision), value: base64(value) },
})

/** Starts a gateway that sends these replies, and leaves the stream open. Returns its URL and what it receives. */
async function startGateway(...replies: object[]): Promise<{ url: string; received: unknown[] }> {
  const received: unknown[] = []
  const server = createServer(async (request, response) => {
    received.push(await json(request))
    const text = replies.map((result) => `${JSON.stringify({ result })}\n`).join('')
    // In two parts, of which the first one ends in the middle of a line.
    response.write(text.slice(0, 30))
    response.write(text.slice(30))
  })
  const url = `http://127.0.0.1:${await serve(server)}`
  return { url, received }
}

test('readStoreEvents returns all writes up to the revision, without waiting for more', async () => {
  const deletion = { type: 'DELETE', kv: { key: base64('a'), mod_revision: '7' } }
  const { url, received } = await startGateway(
    { created: true },
    { events: [put('a', 5, '1'), put('b', 6, '2')] },
    { events: [deletion] },
  )
  const events = await readStoreEvents(url, 4, 7)
  expect(received).toMatchObject([{ create_request: { start_revision: '5' } }])
  expect(events.map(({ key, revision, isDeleted, value }) => [key, revision, isDeleted, value.toString()])).toEqual([
    ['a', 5, false, '1'],
    ['b', 6, false, '2'],
    ['a', 7, true, ''],
  ])
})

test('readStoreEvents rejects when etcd has compacted the history', async () => {
  const { url } = await startGateway({ created: true }, { canceled: true, compact_revision: '9' })
  await expect(readStoreEvents(url, 4, 7)).rejects.toThrow(/etcd ended the watch: .*compact_revision/)
})
