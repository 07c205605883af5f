import { spawn } from 'node:child_process'
import { EventEmitter, on, once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
// systemd gives a service the device and the inode of the socket that leads to the journal.
const withJournal = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"'
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A line of the journal. */
interface Entry {
  readonly priority: number
  /** The line as journalctl shows it on a terminal. */
  readonly shown: string
}

/** The command as systemd runs it: its output is the journal, and is shown as `journalctl --no-hostname` does. */
export class Unit implements AsyncDisposable {
  readonly #child
  readonly #hasJournal: boolean
  readonly #exited: Promise<number | string>
  readonly #entries: Entry[] = []
  readonly #lines = new EventEmitter<{ line: [string] }>()
  readonly #next: AsyncIterator<[string]>

  /** @param hasJournal whether it runs as a unit, and not in a shell */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal, { hasJournal = true } = {}) {
    this.#next = on(this.#lines, 'line', { signal }) as AsyncIterator<[string]>
    this.#hasJournal = hasJournal
    const program = ['-c', hasJournal ? withJournal : 'exec "$@"', 'sh', process.execPath, command, ...args]
    this.#child = spawn('sh', program, { stdio: ['ignore', 'pipe', 'pipe'], env })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream).on('line', (line) => {
        this.#show(line)
        this.#lines.emit('line', line)
      })
    }
    this.#exited = once(this.#child, 'close').then(([code, name]) => code ?? name)
    void this.#exited.then((code) => this.#lines.emit('line', `ended with ${code}`))
  }

  /** Resolves when the command has logged or printed this text. */
  async until(text: string): Promise<void> {
    for (;;) {
      const { value } = await this.#next.next()
      const [line] = value as [string]
      if (line.includes(text)) return
      if (line.startsWith('ended with')) throw new Error(`the command ${line}, and not with "${text}"`)
    }
  }

  /** Resolves with the exit code. */
  waitForExit(): Promise<number | string> {
    return this.#exited
  }

  /** Shows the lines that `journalctl -p warning` shows. */
  showWarnings(): void {
    for (const { priority, shown } of this.#entries) if (priority <= 4) console.log(shown)
  }

  /** Stops the command, as systemd does. Resolves with the exit code. */
  stop(): Promise<number | string> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #show(line: string): void {
    if (!this.#hasJournal) return console.log(line)
    const [start = '', priority = '6'] = /^<(\d)>/.exec(line) ?? []
    const now = new Date()
    const time = `${months[now.getMonth()]} ${String(now.getDate()).padStart(2, '0')} ${now.toTimeString().slice(0, 8)}`
    const text = `${time} env[${this.#child.pid}]: ${line.slice(start.length)}`
    // As wide as most terminals, which wrap.
    const shown = text.replace(/.{80}(?=.)/g, '$&\n')
    this.#entries.push({ priority: Number(priority), shown })
    console.log(shown)
  }
}
