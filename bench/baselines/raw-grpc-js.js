// grpc-js alone: one read, then a watch. grpc-js reconnects, after 250 ms to 1.5 s.
import { getThenWatch } from './support/get-then-watch.js'
import { run } from './support/program.js'

await run(getThenWatch({ 'grpc.initial_reconnect_backoff_ms': 250, 'grpc.max_reconnect_backoff_ms': 1500 }))
