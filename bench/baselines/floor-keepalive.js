// The floor, which also finds out that its connection is dead, as soon as this package does.
import { run } from './baseline.js'
import { getThenWatch } from './wire.js'

await run(getThenWatch({ 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 }))
