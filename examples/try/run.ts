import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process whose output is shown, and for whose output a scenario can wait. */
export class Run implements AsyncDisposable {
  readonly #child
  readonly #exited: Promise<number | string>
  readonly #aborted: Promise<never>
  #output = ''
  /** The length of the output that {@link until} has already returned. */
  #read = 0
  #changed = Promise.withResolvers<void>()

  constructor([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    // The signal may abort while nothing waits for it.
    this.#aborted.catch(() => {})
    this.#child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        process.stdout.write(text.replace(/^(?=.)/gm, '    | '))
        this.#output += text
        this.#changed.resolve()
      })
    }
    this.#exited = once(this.#child, 'close').then(([code, name]) => code ?? name)
    void this.#exited.then(() => this.#changed.resolve())
  }

  /** Waits for this text in the output after the previous match. Resolves with the rest of the line from the match on. */
  async until(part: string | RegExp): Promise<string> {
    for (;;) {
      const rest = this.#output.slice(this.#read)
      const found = typeof part === 'string' ? rest.indexOf(part) : rest.search(part)
      if (found >= 0) {
        this.#read += rest.indexOf('\n', found) + 1 || rest.length
        return rest.slice(found, rest.indexOf('\n', found) + 1 || undefined)
      }
      if (this.#child.exitCode !== null) throw new Error(`the process exited without the output ${String(part)}`)
      this.#changed = Promise.withResolvers()
      await Promise.race([this.#changed.promise, this.#aborted])
    }
  }

  /** Resolves with the exit code, or the signal that ended the process. */
  waitForExit(): Promise<number | string> {
    return this.#exited
  }

  /** Stops the process with SIGTERM, as systemd and Kubernetes do. Resolves as {@link waitForExit} does. */
  stop(): Promise<number | string> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The negative PID kills the child processes too.
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid, 'SIGKILL')
    await this.#exited
  }
}
