import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** A request that is sent in the middle of a stop. */
export interface StoppedRequest {
  readonly url: string
  /** @default 'POST' */
  readonly method?: string
  readonly body: object
  /** The certificates for an `https` URL, as PEM. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** The reply to a request, and when it was sent and answered, as `performance.now()` of this process. */
export interface StoppedReply<Reply> {
  readonly reply: Reply
  readonly sentAt: number
  readonly completedAt: number
}

interface ProgramOutput<Reply> {
  readonly reply: Reply
  readonly sentNs: string
  readonly completedNs: string
}

/** Another process has to do this, because a stopped process runs nothing. */
const program = `
  import { once } from 'node:events'
  import http from 'node:http'
  import https from 'node:https'
  import { json } from 'node:stream/consumers'

  const { pid, ms, request } = JSON.parse(process.argv[1])
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const until = performance.now() + ms
  process.kill(pid, 'SIGSTOP')
  try {
    await sleep(ms / 2)
    if (request !== undefined) {
      const sentNs = String(process.hrtime.bigint())
      const { url, method = 'POST', body, tls } = request
      const headers = { 'content-type': 'application/json' }
      const options = { method, headers, agent: false, signal: AbortSignal.timeout(2000), ...tls }
      const sent = (url.startsWith('https:') ? https : http).request(url, options)
      sent.end(JSON.stringify(body))
      const [response] = await once(sent, 'response')
      const reply = await json(response)
      const completedNs = String(process.hrtime.bigint())
      if (response.statusCode < 300) process.stdout.write(JSON.stringify({ reply, sentNs, completedNs }))
    }
  } catch {
    // The caller sees that there is no reply.
  } finally {
    await sleep(Math.max(0, until - performance.now()))
    process.kill(pid, 'SIGCONT')
  }
`

/**
 * Stops a process with SIGSTOP for some time; for up to 2 s longer if the request is not answered.
 *
 * @param pid the process, which may be this one
 * @param request is sent while the process is stopped
 * @returns the reply to the request, or `undefined` if there was none
 */
export async function stopProcess<Reply>(
  pid: number,
  ms: number,
  request?: StoppedRequest,
): Promise<StoppedReply<Reply> | undefined> {
  const args = ['--input-type=module', '--eval', program, JSON.stringify({ pid, ms, request })]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  if (code !== 0) throw new Error(`process ${pid} was not stopped and continued: ${errors}`)
  if (output === '') return undefined
  const { reply, sentNs, completedNs } = JSON.parse(output) as ProgramOutput<Reply>
  return { reply, sentAt: toLocalTime(sentNs), completedAt: toLocalTime(completedNs) }
}

/** Converts a time of `process.hrtime`, which is the same in all processes, to one of `performance.now()`. */
function toLocalTime(ns: string): number {
  return performance.now() - Number(process.hrtime.bigint() - BigInt(ns)) / 1e6
}

/**
 * Stops this process during a write.
 *
 * @param write starts the write, and lets another process send its request. It sends none if no server can be reached
 */
export async function stopDuring<Reply>(
  ms: number,
  write: (send: (request: StoppedRequest) => Promise<StoppedReply<Reply> | undefined>) => Promise<unknown>,
): Promise<void> {
  let stop: Promise<unknown> | undefined
  await write((request) => {
    const sent = stopProcess<Reply>(process.pid, ms, request)
    stop = sent
    return sent
  })
  await (stop ?? stopProcess(process.pid, ms))
}
