import type { Stats } from 'node:fs'
import { lstat, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { orAborted } from '../util/abort.ts'
import { withGrace } from './grace.ts'
import { OutputError } from './output.ts'

/** A new file beside the file that it will replace. */
interface Replacement {
  readonly handle: FileHandle
  readonly path: string
  /** The file to replace: where the path leads to if it is a symbolic link. */
  readonly target: string
}

/** A file that is replaced as a whole, so that a reader sees the old content or the new one, and never a part. */
export class OutputFile {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Checks that the file can be written, without a change to it.
   *
   * @throws OutputError when it cannot be written
   * @throws `signal.reason` at once when the signal is aborted: the file system may not answer
   */
  check(signal: AbortSignal): Promise<void> {
    return orAborted(
      this.#replace(async () => {}),
      signal,
    )
  }

  /**
   * Replaces the file. It keeps its mode and its owner; a new file has the mode 0644.
   *
   * @throws OutputError when it cannot be written; the file is then as before
   * @throws `signal.reason` a second after the signal is aborted: a write is finished unless the file system does not
   * answer
   */
  async write(text: string, signal: AbortSignal): Promise<void> {
    const written = this.#replace(async ({ handle, path, target }) => {
      await handle.writeFile(text)
      // Before the file is renamed, so that it is complete after a power failure, too.
      await handle.sync()
      await rename(path, target)
    })
    await withGrace(written, signal)
  }

  async #replace(fill: (replacement: Replacement) => Promise<void>): Promise<void> {
    try {
      const replacement = await this.#create()
      try {
        await fill(replacement)
      } finally {
        await replacement.handle.close()
        // After a rename, there is nothing to remove.
        await rm(replacement.path, { force: true })
      }
    } catch (error) {
      throw new OutputError(this.#path, error as NodeJS.ErrnoException)
    }
  }

  async #create(): Promise<Replacement> {
    const target = await targetOf(this.#path)
    const former = await stat(target).catch(unlessMissing)
    if (former?.isFile() === false) throw new Error('it is not a regular file')
    const path = join(
      dirname(target),
      `.${basename(target).slice(0, 200)}.${process.pid}-${Math.random().toString(36).slice(2)}`,
    )
    const handle = await open(path, 'wx', 0o600)
    try {
      await adopt(handle, former)
    } catch (error) {
      await handle.close()
      await rm(path, { force: true })
      throw error
    }
    return { handle, path, target }
  }
}

/** Gives a new file the owner and the mode of the former one. The owner comes first, because it may change the mode. */
async function adopt(handle: FileHandle, former: Stats | undefined): Promise<void> {
  const { uid, gid } = await handle.stat()
  if (former !== undefined && (former.uid !== uid || former.gid !== gid)) await handle.chown(former.uid, former.gid)
  await handle.chmod(former === undefined ? 0o644 : former.mode & 0o7777)
}

/** Returns where a path leads to, also if that file does not exist yet. */
async function targetOf(path: string): Promise<string> {
  const target = await realpath(path).catch(unlessMissing)
  if (target !== undefined) return target
  const absolute = join(await realpath(dirname(path)), basename(path))
  const link = await lstat(absolute).catch(unlessMissing)
  if (link?.isSymbolicLink() !== true) return absolute
  return targetOf(resolve(dirname(absolute), await readlink(absolute)))
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
