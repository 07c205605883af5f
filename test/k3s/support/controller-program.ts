import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Node } from './cluster.ts'
import { end, start } from './program.ts'

const program = new URL('../../../examples/controller/controller.ts', import.meta.url).pathname

/** A line of the log of the controller. */
export interface Entry {
  readonly msg: string
  readonly from?: string
}

/** The example examples/controller, which runs on a server with the rights of its administrator. */
export class ControllerProgram implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #entries: Entry[] = []
  #nextEntry = Promise.withResolvers<void>()

  constructor({ host }: Node) {
    this.#child = start(host.enter([process.execPath, program]), ['ignore', 'pipe', 'inherit'], {
      RKE2_DATA_DIR: host.dataDir,
      KUBECONFIG: join(host.dataDir, 'server', 'cred', 'admin.kubeconfig'),
      INTERVAL_MS: '500',
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#entries.push(JSON.parse(line) as Entry)
      this.#nextEntry.resolve()
      this.#nextEntry = Promise.withResolvers()
    })
  }

  /** Removes the entries so far. */
  clear(): void {
    this.#entries.length = 0
  }

  /** Resolves as soon as an entry meets the condition. */
  async untilLogged(condition: (entry: Entry) => boolean): Promise<void> {
    while (!this.#entries.some(condition)) await this.#nextEntry.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child, 'SIGTERM')
  }
}
