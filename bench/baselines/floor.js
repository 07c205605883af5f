// The floor of Node: grpc-js alone, one get, then a watch. Reconnects as grpc-js does, held to 250 ms to 1.5 s.
import { run } from './baseline.js'
import { getThenWatch } from './wire.js'

await run(getThenWatch({ 'grpc.initial_reconnect_backoff_ms': 250, 'grpc.max_reconnect_backoff_ms': 1500 }))
