// Sends the plan through @segment/analytics-node as an application would.

import { Analytics } from '@segment/analytics-node'
import { calls, collector, message, report, writeKey } from './plan.mjs'

const analytics = new Analytics({ writeKey, host: collector })
const errors = []
analytics.on('error', (e) => errors.push(e.reason ?? e.code))

let acknowledged = 0
for (const call of calls) {
  analytics[call.type](message(call), (err) => {
    if (err) errors.push(err)
    else acknowledged++
  })
}
await analytics.closeAndFlush()
report(acknowledged, errors)
