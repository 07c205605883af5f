// Loaded into a program with --require. The last line that the program prints says what it has used.
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  const line = JSON.stringify({ cpuMs: (user + system) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 })
  require('node:fs').writeSync(1, `${line}\n`)
})
