/** Where a call was started. V8 makes the text of the stack only when it is read. */
export interface Caller {
  readonly stack?: unknown
}

/** Returns the stack of the function that calls `entry`. */
export function captureCaller(entry: (...args: never[]) => unknown): Caller {
  const caller: Caller = {}
  Error.captureStackTrace(caller, entry)
  return caller
}

/**
 * Gives an error the frames of the caller, and returns it. Its own frames begin at a timer or a socket, and do not say who
 * has started the call.
 */
export function withFramesOf<E extends Error>({ stack }: Caller, error: E): E {
  // The application may have replaced `Error.prepareStackTrace`, which may return anything.
  if (typeof stack !== 'string') return error
  const frames = stack.indexOf('\n    at ')
  if (frames >= 0) error.stack = `${error.name}: ${error.message}${stack.slice(frames)}`
  return error
}
