declare const packageVersion: string

/**
 * Returns the version of this package, which the build writes into the single file, and in an executable also the version
 * of the Node that is inside.
 */
export function readVersion(): string {
  const isExecutable = process.getBuiltinModule('node:sea').isSea()
  return isExecutable ? `${packageVersion} (Node.js ${process.versions.node})` : packageVersion
}

/** Does nothing: when a single file runs, all of its code is already there. */
export function enableCompileCache(): void {}
