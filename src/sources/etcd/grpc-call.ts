import type * as grpcTypes from '@grpc/grpc-js'
import type { Status } from './classify.ts'
import { grpc } from './client.ts'

/** A gRPC status as an error. The errors of etcd3 lose code and details. */
export class StatusError extends Error implements Status {
  readonly code: number
  readonly details: string
  constructor({ code, details }: Status) {
    super(`${code} ${details}`)
    this.code = code
    this.details = details
  }
}

/** One gRPC call through etcd3: it adds metadata, can be cancelled, and keeps the status that etcd sent. */
export class GrpcCall {
  readonly #token: string | undefined
  #intercepting: grpcTypes.InterceptingCall | undefined
  #decode: ((message: Buffer) => unknown) | undefined
  #status: Status | undefined
  #cancelled = false

  /** @param token the token of an authenticated user, if there is one */
  constructor(token: string | undefined) {
    this.#token = token
  }

  /** The call options for etcd3. */
  get options(): grpcTypes.CallOptions {
    return { interceptors: [this.#intercept] }
  }

  /** The status of a call that failed; `undefined` while it runs and when it succeeded. */
  get failedStatus(): Status | undefined {
    return this.#status?.code === 0 ? undefined : this.#status
  }

  readonly cancel = (): void => {
    this.#cancelled = true
    this.#intercepting?.cancelWithStatus(grpc.status.CANCELLED, 'another connection took its place')
  }

  /** Decodes a message of the response. etcd3 compiles its decoder with the first message, which takes a millisecond. */
  decode(message: Buffer): void {
    this.#decode?.(message)
  }

  readonly #intercept: grpcTypes.Interceptor = (options, next) => {
    this.#decode = options.method_definition.responseDeserialize
    this.#intercepting = new grpc.InterceptingCall(next(options), {
      start: (metadata, _listener, proceed) => {
        // With this header, a member without a leader refuses reads and cuts its watches at once. Without it, etcd refuses
        // a read after 7 to 15 s, and never cuts a watch.
        metadata.set('hasleader', 'true')
        if (this.#token !== undefined) metadata.set('token', this.#token)
        proceed(metadata, { onReceiveStatus: (status, pass) => pass(this.#hideFailure(status)) })
        // The call may have been cancelled before etcd3 started it.
        if (this.#cancelled) this.cancel()
      },
    })
    return this.#intercepting
  }

  /**
   * Keeps the status, and gives etcd3 a status on which it does not act. For others, etcd3 closes the channel or repeats
   * the call.
   */
  #hideFailure(status: grpcTypes.StatusObject): grpcTypes.StatusObject {
    const { FAILED_PRECONDITION, INTERNAL, OK } = grpc.status
    // Code and details are missing if a message is compressed in a way that grpc-js does not know.
    this.#status = { code: status.code ?? INTERNAL, details: status.details ?? 'a message that cannot be read' }
    return status.code === OK ? status : { code: FAILED_PRECONDITION, details: '', metadata: status.metadata }
  }
}
