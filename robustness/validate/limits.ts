/**
 * Upper bounds on elapsed time, in milliseconds. The time for which this process is stopped, or its event loop blocked,
 * does not count.
 */
export interface Limits {
  /** From the deadline, an abort or a close until the call has settled or the watch has ended. */
  readonly endMs: number
  /**
   * From the moment when a complete list is stored until a call returns it, in addition to the delays of its options.
   */
  readonly resolveMs: number
  /** From the sending of a write until a watch emits the new server in it. */
  readonly pushMs: number
  /**
   * From the last write until a watch and its reader have its list, in addition to the delays of the watch's options.
   */
  readonly recoveryMs: number
  /** From the end of a call or watch until its connections are closed. */
  readonly disconnectMs: number
  /** From the end of the last call and watch until no timer, socket or listener is left. */
  readonly cleanupMs: number
}

/** What the library does on a machine that is not overloaded. */
export const strictLimits: Limits = {
  endMs: 250,
  resolveMs: 1750,
  pushMs: 1250,
  recoveryMs: 3000,
  disconnectMs: 15_000,
  cleanupMs: 2000,
}

/** For runs that must not fail on a busy machine: order and content are checked, and that everything ends. */
export const generousLimits: Limits = {
  endMs: 10_000,
  resolveMs: Infinity,
  pushMs: Infinity,
  recoveryMs: 120_000,
  disconnectMs: 120_000,
  cleanupMs: 60_000,
}
