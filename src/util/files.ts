import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { isForbidden } from './permission.ts'
import { SharedOperations } from './shared-operations.ts'

/** The content of a file that only its owner should be able to read or replace. */
export interface PrivateFile {
  readonly bytes: Buffer
  /** Why other users can read or replace the file, on one line, if they can. */
  readonly exposure: string | undefined
}

const maxBytes = 1 << 20

/**
 * A read on a file system that does not answer never ends, and occupies one of the few threads for file access of the
 * process. Therefore each file is read by one thread at a time.
 */
const reads = new SharedOperations(async (file) => (await read(file)).bytes)
const privateReads = new SharedOperations(readPrivate)

/**
 * Reads a regular file of at most 1 MiB. Concurrent reads of the same file share one result.
 *
 * @throws Error if the file is larger than 1 MiB, or no regular file
 * @throws NodeJS.ErrnoException if the file system refuses the read
 * @throws `signal.reason` at once when the signal is aborted, also while the file system does not answer
 */
export function readSmallFile(file: string, signal: AbortSignal): Promise<Buffer> {
  return reads.run(file, signal)
}

/** Reads a file as {@link readSmallFile} does, and finds out whether other users can read or replace it. */
export function readPrivateFile(file: string, signal: AbortSignal): Promise<PrivateFile> {
  return privateReads.run(file, signal)
}

async function readPrivate(file: string): Promise<PrivateFile> {
  const { bytes, stats } = await read(file)
  // The file was read. That its folder cannot be looked at (node --permission, SELinux) is no reason to fail.
  return { bytes, exposure: await exposure(file, stats).catch(() => undefined) }
}

async function read(file: string): Promise<{ readonly bytes: Buffer; readonly stats: Stats }> {
  const { constants, open } = process.getBuiltinModule('node:fs').promises
  // O_NONBLOCK: opening a pipe without a writer would block.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await handle.stat()
    // A read of a pipe or a device may never end.
    if (!stats.isFile()) throw new Error('not a regular file')
    if (stats.size > maxBytes) throw new Error(`${stats.size} bytes, more than ${maxBytes}`)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(stats.size + 1), 0)
    return { bytes: buffer.subarray(0, bytesRead), stats }
  } finally {
    await handle.close()
  }
}

/**
 * Returns why other users can read or replace a file. A mode of 0600 is accepted, and 0640 if root owns the file: root
 * has then chosen the group. libpq has the same rule for its key file.
 */
async function exposure(file: string, { mode, uid }: Stats): Promise<string | undefined> {
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) return `${file} has mode ${octal(mode)}, and should have 0600`
  const { realpath, stat } = process.getBuiltinModule('node:fs').promises
  const folder = dirname(await realpath(file))
  if (isForbidden(folder)) return undefined
  const { mode: folderMode } = await stat(folder)
  // In a sticky folder, such as /tmp, users cannot replace the files of others.
  const replaceable = (folderMode & 0o022) !== 0 && (folderMode & 0o1000) === 0
  return replaceable ? `${file} is in ${folder}, which has mode ${octal(folderMode)}` : undefined
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')
