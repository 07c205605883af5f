import { once } from 'node:events'
import http from 'node:http'
import type { IncomingMessage } from 'node:http'

/** A write of one key, from etcd's history. */
export interface StoreEvent {
  readonly key: string
  readonly revision: number
  readonly isDeleted: boolean
  /** Empty after a deletion. */
  readonly value: Buffer
}

interface WatchReply {
  readonly result?: {
    readonly canceled?: boolean
    readonly cancel_reason?: string
    readonly events?: readonly {
      readonly type?: 'DELETE'
      readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: string }
    }[]
  }
}

/** A key of a single zero byte as `key` and `range_end` is every key. */
const everyKey = Buffer.from([0]).toString('base64')

/**
 * Returns all writes after one revision of the store, up to another one. Every revision of the store is a write, so the
 * watch of all keys has reached a revision when it has delivered an event of it.
 *
 * @param url the URL of `watch` of a member's JSON gateway
 */
export async function readStoreEvents(url: string, after: number, upTo: number): Promise<readonly StoreEvent[]> {
  const request = http.request(url, { method: 'POST', agent: false, signal: AbortSignal.timeout(10_000) })
  // The error of a request that ends early is thrown by what waits for it.
  request.on('error', () => {})
  request.end(
    JSON.stringify({ create_request: { key: everyKey, range_end: everyKey, start_revision: String(after + 1) } }),
  )
  const events: StoreEvent[] = []
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    for await (const line of linesOf(response)) {
      const { result } = JSON.parse(line) as WatchReply
      if (result === undefined || result.canceled) throw new Error(`etcd ended the watch: ${line}`)
      for (const { type, kv } of result.events ?? []) {
        events.push({
          key: Buffer.from(kv.key, 'base64').toString(),
          revision: Number(kv.mod_revision),
          isDeleted: type === 'DELETE',
          value: Buffer.from(kv.value ?? '', 'base64'),
        })
      }
      if ((events.at(-1)?.revision ?? 0) >= upTo) return events
    }
    throw new Error('etcd ended the watch')
  } finally {
    request.destroy()
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
