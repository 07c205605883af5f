/** A mistake in the command line or in its environment. The message names the flag or the variable. */
export class UsageError extends Error {}
