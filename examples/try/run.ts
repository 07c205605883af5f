import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process whose output is shown, and can be waited for. */
export class Run implements AsyncDisposable {
  readonly #child
  readonly #ended: Promise<number | string>
  #output = ''
  #read = 0
  #news = Promise.withResolvers<void>()
  readonly #aborted: Promise<never>

  constructor([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    // Nobody may be waiting when it comes.
    this.#aborted.catch(() => {})
    this.#child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        process.stdout.write(text.replace(/^(?=.)/gm, '    | '))
        this.#output += text
        this.#news.resolve()
      })
    }
    this.#ended = once(this.#child, 'close').then(([code, name]) => code ?? name)
    void this.#ended.then(() => this.#news.resolve())
  }

  /** Waits for output that comes after what was waited for before. */
  async until(part: string | RegExp): Promise<string> {
    for (;;) {
      const rest = this.#output.slice(this.#read)
      const found = typeof part === 'string' ? rest.indexOf(part) : rest.search(part)
      if (found >= 0) {
        this.#read += rest.indexOf('\n', found) + 1 || rest.length
        return rest.slice(found, rest.indexOf('\n', found) + 1 || undefined)
      }
      if (this.#child.exitCode !== null) throw new Error(`it ended without ${String(part)}`)
      this.#news = Promise.withResolvers()
      await Promise.race([this.#news.promise, this.#aborted])
    }
  }

  /** Its exit code, or the signal that ended it. */
  ended(): Promise<number | string> {
    return this.#ended
  }

  /** As systemd and Kubernetes do it. */
  stop(): Promise<number | string> {
    this.#child.kill('SIGTERM')
    return this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its children too.
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid, 'SIGKILL')
    await this.#ended
  }
}
