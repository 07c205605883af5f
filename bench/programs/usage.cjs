// Loaded into a program with --require. The last line that the program prints says what it has used.
const { readFileSync, writeSync } = require('node:fs')

process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  const line = JSON.stringify({ cpuMs: (user + system) / 1000, peakMb: peakKb() / 1024 })
  writeSync(1, `${line}\n`)
})

/** Returns the peak of the resident memory. On Linux, that of getrusage() includes the process that started this one. */
function peakKb() {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  } catch {
    return process.resourceUsage().maxRSS
  }
}
