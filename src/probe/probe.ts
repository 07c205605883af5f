import { request } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { hostAndPort } from '../addresses/host-port.ts'
import { messageOf, oneLine } from '../sources/reasons.ts'
import { identity } from '../util/server-identity.ts'

/**
 * How an address is asked whether an apiserver is alive there: `'tcp'` connects, `'tls'` completes a handshake as well
 * and checks the certificate, `'readyz'` then asks `GET /readyz`.
 */
export type ProbeKind = 'tcp' | 'tls' | 'readyz'

/** One question to one address. */
export interface ProbeTarget {
  /** `host:port`, normalised. */
  readonly address: string
  readonly kind: ProbeKind
  /** Holds the CA that the certificate is checked against; without one, any certificate will do. */
  readonly context: SecureContext | undefined
}

/** Resolves when the address is alive, and rejects with what it is dead of. Ends at once with the signal. */
export type Probe = (question: ProbeTarget, signal: AbortSignal) => Promise<void>

/** What a probe that was ended before its answer was waiting for. */
const stages = {
  connect: 'no connection, as if packets were dropped',
  handshake: 'it accepts connections, and no TLS handshake comes of it',
  answer: 'GET /readyz is not answered',
} as const

/** An apiserver that does not know who asks is alive: RKE2 switches anonymous requests off. */
const aliveStatuses = new Set([200, 401, 403])

/** Asks over a socket of its own, which is gone when the promise has settled. */
export const probe: Probe = async ({ address, kind, context }, signal) => {
  const to = hostAndPort(address)
  const ended = Promise.withResolvers<never>()
  let stage: keyof typeof stages = 'connect'
  const abort = () => ended.reject(new Error(stages[stage]))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })

  // Said aloud either way: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch the check off.
  const checked =
    context === undefined ? { rejectUnauthorized: false } : { secureContext: context, rejectUnauthorized: true }
  const socket = kind === 'tcp' ? connect(to) : tlsConnect({ ...to, ...identity(to.host), ...checked })
  try {
    await Promise.race([event(socket, 'connect'), ended.promise])
    if (kind === 'tcp') return
    stage = 'handshake'
    await Promise.race([event(socket, 'secureConnect'), ended.promise])
    if (kind === 'tls') return
    stage = 'answer'
    const status = await Promise.race([getReadyz(socket, to), ended.promise])
    if (!aliveStatuses.has(status)) throw new Error(`GET /readyz was answered with HTTP status ${status}`)
  } catch (error) {
    throw new Error(causeOf(error), { cause: error })
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, resolve)
    // Stays: what a socket that is no longer needed has to say must not be uncaught.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('it closed the connection')))
  })
}

/** No agent: the connection is there, and used once. */
function getReadyz(socket: Socket, to: { readonly host: string; readonly port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    const get = request({ ...to, path: '/readyz', createConnection: () => socket }, (response) => {
      resolve(response.statusCode ?? 0)
      response.resume()
    })
    get.on('error', reject)
    get.end()
  })
}

/** A name with several IP addresses fails with an error for each, and no text of its own. */
function causeOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(causeOf))].join('; ')
  return oneLine(messageOf(error))
}
