// An adapter that runs out of memory on request: what a page's worker gets in front of its script. As a real adapter does, it gives an
// invalid buffer and tells the innermost error scope for memory.

import { until } from './actions.ts'
import type { OpenedPage } from './site.ts'

const channelName = 'refuse-a-buffer'

export const refusalScript = `
{
  let left = -1
  const channel = new BroadcastChannel('${channelName}')
  channel.onmessage = ({ data }) => {
    left = data
    channel.postMessage('armed')
  }
  const { createBuffer, pushErrorScope, popErrorScope } = GPUDevice.prototype
  const stacks = new WeakMap()
  const scopesOf = (device) => stacks.get(device) ?? stacks.set(device, []).get(device)
  GPUDevice.prototype.pushErrorScope = function (filter) {
    scopesOf(this).push({ filter })
    return pushErrorScope.call(this, filter)
  }
  GPUDevice.prototype.popErrorScope = function () {
    const error = scopesOf(this).pop()?.error
    const popped = popErrorScope.call(this)
    return error ? popped.then(() => error) : popped
  }
  GPUDevice.prototype.createBuffer = function (descriptor) {
    if (left < 0 || left-- > 0) return createBuffer.call(this, descriptor)
    const error = new GPUOutOfMemoryError('Out of memory')
    const scope = scopesOf(this).findLast(({ filter }) => filter === 'out-of-memory')
    if (scope) scope.error ??= error
    else this.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }))
    pushErrorScope.call(this, 'validation')
    const invalid = createBuffer.call(this, { ...descriptor, usage: 0 })
    popErrorScope.call(this)
    channel.postMessage('refused')
    return invalid
  }
}
`

/** From now on the adapter grants so many buffers, refuses the next one, and grants all that follow. */
export async function refuseBufferAfter(opened: OpenedPage, granted: number): Promise<void> {
  await opened.page.evaluate(`new Promise((resolve) => {
    window.refused = false
    const channel = new BroadcastChannel('${channelName}')
    channel.onmessage = ({ data }) => {
      if (data === 'armed') resolve()
      if (data === 'refused') window.refused = true
    }
    channel.postMessage(${granted})
  })`)
}

export async function wasRefused(opened: OpenedPage): Promise<void> {
  await until(opened, '() => window.refused')
}
