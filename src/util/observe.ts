/** Calls an observer of the caller. An error that it throws changes no outcome, and surfaces as an uncaught exception. */
export function observe(notify: () => void): void {
  try {
    notify()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
