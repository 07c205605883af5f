import { defaults } from '../call/defaults.ts'
import { ApiserverAddressError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import type { WatchOptions } from '../options.ts'
import { withTimeout } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { loadMessage, loadRetryMs } from '../util/load-errors.ts'
import { objectOf } from '../util/object.ts'
import { seconds } from '../util/text.ts'

/** The pause between two attempts to load the code. */
const pauseMs = 500

/** What a call needs to load the code again. */
export interface LoadOptions<Library, Options> {
  readonly load: () => Library
  /** Why the code could not be loaded at first. */
  readonly error: unknown
  /** The options of the call as they were given. The code that checks them is not loaded. */
  readonly options: Options | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
}

/** The code, and the options for the rest of the call. */
interface Loaded<Library, Options> {
  readonly library: Library
  readonly options: Options | undefined
}

/**
 * Loads the code of the package again and again until that succeeds, for a call that has no events yet: a warning of the
 * process says what it waits for.
 *
 * @throws ApiserverAddressError `unavailable`, when `timeoutMs` is over, or when an error that does not pass by itself has
 * lasted for a minute
 * @throws `signal.reason` when the signal is aborted
 */
export function loadAgain<Library, Options extends WatchOptions>(
  request: LoadOptions<Library, Options>,
): Promise<Loaded<Library, Options>> {
  const { load, options, signal, clock } = request
  const startedAt = clock.now()
  const elapsedMs = () => Math.round(clock.now() - startedAt)
  const timeoutMs = timeoutOf(options)
  let cause = request.error
  const failure = (code: ErrorCode, ending: string) => {
    const message = `rke2-apiserver-resolver: ${ending} after ${seconds(elapsedMs())}: ${loadMessage(cause)}`
    return new ApiserverAddressError(message, {
      code,
      reason: 'unavailable',
      attempts: 0,
      elapsedMs: elapsedMs(),
      cause,
    })
  }
  warn(cause)
  return withTimeout(
    clock,
    timeoutMs,
    () => failure('DEADLINE_EXCEEDED', 'timed out'),
    signal,
    async (call) => {
      for (;;) {
        await clock.sleep(pauseMs, call.signal)
        try {
          return { library: load(), options: withRestOfTimeout(options, elapsedMs()) }
        } catch (error) {
          cause = error
        }
        if (elapsedMs() >= loadRetryMs(cause)) throw failure('REJECTED', 'failed')
      }
    },
  )
}

function warn(cause: unknown): void {
  const code = 'RKE2_APISERVER_RESOLVER_LOADING'
  process.emitWarning(`${loadMessage(cause)}. The call loads it again every ${seconds(pauseMs)}`, { code })
}

/** Returns the signal of unchecked options, or one that never aborts if they have none. */
export function signalOf(options: unknown): AbortSignal {
  const { signal } = objectOf(options)
  return signal instanceof AbortSignal ? signal : new AbortController().signal
}

const isDuration = (value: unknown): value is number => typeof value === 'number' && value > 0

/** Returns the `timeoutMs` of unchecked options. An invalid one is refused when the code is loaded. */
function timeoutOf(options: unknown): number {
  const { timeoutMs } = objectOf(options)
  return isDuration(timeoutMs) ? timeoutMs : defaults.timeoutMs
}

/**
 * Returns the options with the rest of their `timeoutMs`, so that the whole call takes no longer. They inherit the others,
 * which may be getters. Invalid options are returned as they are, for the error that names them.
 */
function withRestOfTimeout<Options>(options: Options | undefined, elapsedMs: number): Options | undefined {
  const { timeoutMs = defaults.timeoutMs } = objectOf(options)
  if (!isDuration(timeoutMs) || (options !== undefined && objectOf(options) !== options)) return options
  const rest = Math.max(1, timeoutMs - elapsedMs)
  return Object.create(options ?? {}, { timeoutMs: { value: rest, enumerable: true } })
}
