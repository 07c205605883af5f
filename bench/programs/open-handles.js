// Makes many calls, and counts those after which more keeps the process alive than before the first one.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { resolveApiserverAddresses } from '../../dist/index.js'

const { values } = parseArgs({
  options: { endpoints: { type: 'string' }, 'data-dir': { type: 'string' }, calls: { type: 'string' } },
})
const handles = () => process.getActiveResourcesInfo().length
const before = handles()
let left = 0
for (let call = 0; call < Number(values.calls); call++) {
  await resolveApiserverAddresses({ source: 'kubernetes', endpoints: values.endpoints, dataDir: values['data-dir'] })
  // A socket that was destroyed is closed in one of the next turns of the event loop.
  for (let turn = 0; turn < 1000 && handles() > before; turn++) await nextTurn()
  if (handles() > before) left++
}
console.log(JSON.stringify({ left }))
