// Sends the plan through @rudderstack/rudder-sdk-node as an application would:
// the SDK queues and sends by itself, and the last messages are flushed.

import Analytics from '@rudderstack/rudder-sdk-node'
import { calls, collector, message, report, writeKey } from './plan.mjs'

const errors = []
const analytics = new Analytics(writeKey, {
  dataPlaneUrl: collector,
  flushInterval: 1000,
  logLevel: 'silent',
  errorHandler: (e) => errors.push(e),
})

let acknowledged = 0
await Promise.all(
  calls.map(
    (call) =>
      new Promise((resolve) => {
        analytics[call.type](message(call), (err) => {
          if (!err) acknowledged++
          resolve()
        })
      }),
  ),
)
await analytics.flush()
report(acknowledged, errors)
