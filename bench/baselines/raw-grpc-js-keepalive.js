// grpc-js alone, with the keepalive of this package, so that it notices a dead connection as soon as this package does.
import { getThenWatch } from './support/get-then-watch.js'
import { run } from './support/program.js'

await run(getThenWatch({ 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 }))
