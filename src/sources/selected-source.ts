import { parseAddresses } from '../addresses/parse.ts'
import { defaultDataDir, defaultKey, kubernetesService, serverCaFiles } from '../rke2.ts'
import { withLinkedAbort } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { exists as existsOnDisk } from '../util/exists.ts'
import { createSource } from './create-source.ts'
import type { CreateSource } from './create-source.ts'
import { Failure } from './failure.ts'
import { undecidedNodeHint } from './node-hints.ts'
import type { SourceOptions } from './options.ts'
import { SetupLook } from './setup-look.ts'
import { describeUndecided, isDecidedByOptions, isSameSetup } from './setup.ts'
import type { Exists, Setup } from './setup.ts'
import type { Snapshot, Source, SourceKind, SourceWatch } from './source.ts'

/** While there is no list, the files of the node decide anew after this time, whatever the backoff is. */
const longestDelayMs = 5000

/**
 * The source that the options and the files of the node choose. Until there is a list, each read chooses anew: a node may
 * not have its files yet, and a server that boots has those of an agent for a while.
 */
export class SelectedSource implements Source {
  readonly #options: SourceOptions
  readonly #clock: Clock
  readonly #create: CreateSource
  readonly #look: SetupLook
  #setup: Setup | undefined
  #source: Source | undefined
  #hasList = false
  #closed = false

  constructor(
    options: SourceOptions,
    clock: Clock,
    create: CreateSource = createSource,
    exists: Exists = existsOnDisk,
  ) {
    this.#options = options
    this.#clock = clock
    this.#create = create
    this.#look = new SetupLook(options, clock, exists)
  }

  get kind(): SourceKind | undefined {
    const { source } = this.#options
    return this.#source?.kind ?? (source === 'auto' ? undefined : source)
  }

  get subject(): string {
    if (this.#source !== undefined) return this.#source.subject
    const { source, key } = this.#options
    return source === 'kubernetes' ? kubernetesService : (key ?? defaultKey(this.#distribution))
  }

  get endpoint(): string {
    return this.#source?.endpoint ?? this.#dataDir
  }

  get fingerprint(): string | undefined {
    return this.#source?.fingerprint
  }

  get serverCaFiles(): readonly string[] {
    return this.#source?.serverCaFiles ?? serverCaFiles(this.#dataDir)
  }

  get shrinkDelayMs(): number {
    return this.#source?.shrinkDelayMs ?? 0
  }

  get longestDelayMs(): number {
    return this.#isDecided ? Infinity : longestDelayMs
  }

  /** @throws Failure `tls-files-missing` while nothing on this node says where to read */
  async read(signal: AbortSignal): Promise<Snapshot> {
    if (!this.#isDecided) await this.#choose(signal)
    if (this.#source === undefined) throw this.#undecided()
    const snapshot = await this.#source.read(signal)
    this.#noteList([snapshot])
    return snapshot
  }

  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    if (this.#source === undefined) throw this.#undecided()
    const watch = await this.#source.watch(afterRevision, signal)
    return this.#isDecided ? watch : this.#endedByOtherChoice(watch)
  }

  hint(failure: Failure, waitedMs: number): Promise<string | undefined> | undefined {
    if (this.#source !== undefined) return this.#source.hint(failure, waitedMs)
    if (failure.reason !== 'tls-files-missing') return undefined
    return undecidedNodeHint({ dataDir: this.#dataDir, isDataDirGiven: this.#options.dataDir !== undefined })
  }

  pending(): Failure | undefined {
    return this.#look.isWaiting ? this.#unanswered() : this.#source?.pending()
  }

  whenConnected(): Promise<void> {
    return this.#source?.whenConnected() ?? new Promise(() => {})
  }

  close(): void {
    this.#closed = true
    this.#source?.close()
  }

  #noteList(snapshots: readonly Snapshot[]): void {
    this.#hasList ||= snapshots.some(({ value }) => parseAddresses(value).kind === 'list')
  }

  get #distribution() {
    const { distribution } = this.#options
    return this.#setup?.distribution ?? (distribution === 'auto' ? 'rke2' : distribution)
  }

  get #dataDir(): string {
    return this.#setup?.dataDir ?? this.#options.dataDir ?? defaultDataDir(this.#distribution)
  }

  /** Whether no file can change the choice any more. */
  get #isDecided(): boolean {
    return this.#source !== undefined && (this.#hasList || isDecidedByOptions(this.#options))
  }

  /** Chooses the source, and keeps the one there is if the file system does not answer. */
  async #choose(signal: AbortSignal): Promise<void> {
    const setup = await this.#look.look(signal)
    if (setup === undefined) {
      if (this.#source === undefined) throw this.#unanswered()
      return
    }
    if (this.#setup !== undefined && isSameSetup(setup, this.#setup)) return
    this.#source?.close()
    this.#setup = setup
    this.#source = this.#create(setup, this.#options, this.#clock)
    if (this.#closed) this.#source?.close()
  }

  #undecided(): Failure {
    const files = describeUndecided({ distribution: this.#distribution, dataDir: this.#dataDir })
    return new Failure('tls-files-missing', `nothing on this node says where to read the list: ${files}`)
  }

  #unanswered(): Failure {
    const message = `${this.#dataDir} cannot be looked at: its file system does not answer`
    return new Failure('tls-files-unreadable', message, { retryForMs: Infinity })
  }

  /** Returns a watch that fails when the files of the node choose another source, so that the next read uses that. */
  #endedByOtherChoice(watch: SourceWatch): SourceWatch {
    const changed = (signal: AbortSignal) =>
      withLinkedAbort(signal, (controller) =>
        Promise.race([watch.changed(controller.signal), this.#otherChoice(controller.signal)]),
      )
    return {
      changed,
      drain: () => {
        const changes = watch.drain()
        this.#noteList(changes)
        return changes
      },
      close: () => watch.close(),
      get isOver() {
        return watch.isOver
      },
    }
  }

  /** @throws Failure when the files of the node choose another source */
  async #otherChoice(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#clock.sleep(longestDelayMs, signal)
      if (this.#hasList) await this.#clock.sleep(Infinity, signal)
      const setup = await this.#look.look(signal)
      if (setup !== undefined && this.#setup !== undefined && !isSameSetup(setup, this.#setup)) {
        throw new Failure('unavailable', 'the files of this node have changed')
      }
    }
  }
}
