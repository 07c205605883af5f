import { setTimeout as sleep } from 'node:timers/promises'

/** The part that every response of etcd has. */
export interface Reply {
  readonly header: { readonly member_id: string; readonly revision: string }
}

export interface MembersReply extends Reply {
  readonly members: { readonly peerURLs: readonly string[] }[]
}

export interface StatusReply extends Reply {
  readonly leader?: string
  readonly version: string
  readonly isLearner?: boolean
}

export interface RangeReply extends Reply {
  readonly kvs?: { readonly value?: string; readonly mod_revision: string }[]
}

/** A member that cannot answer now. Another member can, or the same one later. */
export class TemporaryError extends Error {}

/** Repeats the call while it throws a {@link TemporaryError}, for at most this time. */
export async function eventually<Result>(call: () => Promise<Result>, longestMs = 30_000): Promise<Result> {
  const deadline = performance.now() + longestMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof TemporaryError) || performance.now() > deadline) throw error
      await sleep(20)
    }
  }
}

interface GatewayRequest {
  /** The name of the member, for messages. */
  readonly name: string
  readonly url: string
  readonly body: object
  readonly headers?: Record<string, string> | undefined
}

/** Sends a request to a member's JSON gateway, see https://etcd.io/docs/latest/dev-guide/api_grpc_gateway. */
export async function sendToGateway<Result>({ name, url, body, headers }: GatewayRequest): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    // No connection is kept, because it would outlive the member.
    headers: { connection: 'close', ...headers },
    signal: AbortSignal.timeout(2000),
  }).catch((error: unknown) => {
    throw new TemporaryError(`${name} does not answer`, { cause: error })
  })
  const reply = (await response.json()) as Result & { code?: number; message?: string; error?: string }
  if (response.ok) return reply
  const Failure = reply.code === 14 ? TemporaryError : Error
  throw new Failure(`${name}: ${new URL(url).pathname}: ${reply.message ?? reply.error}`)
}
