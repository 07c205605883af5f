import type { Stats } from 'node:fs'
import { constants, open, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { orAborted } from './abort.ts'

export interface Contents {
  readonly bytes: Buffer
  /** Who else can read the file or replace it, on one line, if anybody can. */
  readonly exposure: string | undefined
}

const maxBytes = 1 << 20

/**
 * What is being read. On a file system that is gone, that never ends, and holds one of the few threads that all reads
 * of the process have: so no file is read twice at a time.
 */
const reading = new Map<string, Promise<Contents>>()

/**
 * Reads a small file.
 *
 * @throws Error for what is larger than 1 MiB or no regular file
 * @throws `signal.reason` at once when the signal is aborted, also while the file system does not answer
 */
export function readSmallFile(file: string, signal: AbortSignal): Promise<Contents> {
  let contents = reading.get(file)
  if (contents === undefined) {
    contents = read(file).finally(() => reading.delete(file))
    reading.set(file, contents)
  }
  return orAborted(contents, signal)
}

async function read(file: string): Promise<Contents> {
  // Not waiting for a pipe that nobody writes to.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await handle.stat()
    // Neither a pipe nor a device: reading either could take for ever.
    if (!stats.isFile()) throw new Error('not a regular file')
    if (stats.size > maxBytes) throw new Error(`${stats.size} bytes, more than ${maxBytes}`)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(stats.size + 1), 0)
    return { bytes: buffer.subarray(0, bytesRead), exposure: await exposure(file, stats) }
  } finally {
    await handle.close()
  }
}

/** The rule is libpq's: 0600, or 0640 where it is root's, who gave it to that group on purpose. */
async function exposure(file: string, { mode, uid }: Stats): Promise<string | undefined> {
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) return `${file} has mode ${octal(mode)}, and should have 0600`
  const folder = dirname(await realpath(file))
  const inside = await stat(folder)
  // In a sticky one, such as /tmp, nobody replaces the files of others.
  const replaceable = (inside.mode & 0o022) !== 0 && (inside.mode & 0o1000) === 0
  return replaceable ? `${file} is in ${folder}, which has mode ${octal(inside.mode)}` : undefined
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')
