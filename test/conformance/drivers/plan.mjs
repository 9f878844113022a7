// What the drivers of the Node SDKs share: they read the plan's calls from
// standard input and write a report to standard output.

import { readFileSync } from 'node:fs'

export const collector = process.env.COLLECTOR
export const writeKey = process.env.WRITE_KEY

export const calls = JSON.parse(readFileSync(0, 'utf8'))

// message is a call in the form that the SDKs of servers take: one object, with
// the time as a Date.
export function message({ type, person, timestamp, ...rest }) {
  if (type === 'alias') delete rest.anonymousId
  return timestamp ? { ...rest, timestamp: new Date(timestamp) } : rest
}

// report ends a run: how many calls were acknowledged, and what went wrong.
export function report(acknowledged, errors) {
  process.stdout.write(JSON.stringify({ acknowledged, errors: errors.map(String) }) + '\n')
}
