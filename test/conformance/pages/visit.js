// What the pages share: a visit fetches its calls, makes them through an SDK and
// reports that it made them. The server's side waits until they are delivered.

export async function visit(run) {
  const plan = await (await fetch('/visit.json')).json()
  const errors = []
  addEventListener('error', (e) => errors.push(e.message))
  addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)))
  try {
    await run(plan, (e) => errors.push(String(e)))
  } catch (e) {
    errors.push(e.stack ?? String(e))
  }
  await fetch('/report', { method: 'POST', body: JSON.stringify({ errors }) })
}

// paced makes the calls in groups and goes on with the next one when all calls
// so far are delivered, so that a batching SDK makes many batches.
export async function paced(calls, size, make) {
  const marks = new Set()
  for (let i = 0; i < calls.length; i += size) {
    for (const call of calls.slice(i, i + size)) {
      make(call)
      marks.add(markOf(call))
    }
    await fetch('/settled?n=' + marks.size)
  }
}

// script loads an SDK as a page does.
export function script(src) {
  return new Promise((resolve, reject) => {
    const e = document.createElement('script')
    e.src = src
    e.onload = resolve
    e.onerror = () => reject(new Error(src + ' did not load'))
    document.head.append(e)
  })
}

function markOf(call) {
  return call.properties?.kx ?? call.traits?.kx ?? call.context?.kx
}
