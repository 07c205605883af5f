import { orAborted } from '../util/abort.ts'

const graceMs = 1000

/**
 * Settles as the promise of a write does, or rejects with `signal.reason` a second after the signal aborts. A write that
 * has begun is finished, unless the file system does not answer or the reader of a full pipe has stopped.
 */
export async function withGrace<T>(written: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const start = () => {
    timer = setTimeout(() => late.abort(signal.reason), graceMs)
  }
  if (signal.aborted) start()
  else signal.addEventListener('abort', start, { once: true })
  try {
    return await orAborted(written, late.signal)
  } finally {
    signal.removeEventListener('abort', start)
    clearTimeout(timer)
  }
}
