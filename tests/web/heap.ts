// The JavaScript heap of the page and of its worker, each after its garbage was collected.

import type { OpenedPage } from './site.ts'

interface Answer {
  readonly id: number
  readonly result?: { readonly usedSize?: number }
}

export interface Heaps {
  /** Bytes. */
  readonly page: number
  readonly worker: number
}

/** Opens the way to both; the result measures them. */
export async function heapsOf({ context, page }: OpenedPage): Promise<() => Promise<Heaps>> {
  const client = await context.newCDPSession(page)
  const workers: string[] = []
  client.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
    if (targetInfo.type === 'worker') workers.push(sessionId)
  })
  await client.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false })
  const [sessionId] = workers
  if (!sessionId) throw new Error('The page has no worker')
  let last = 0
  const askWorker = (method: string) =>
    new Promise<Answer['result']>((resolve, reject) => {
      const id = ++last
      const hear = ({ message }: { readonly message: string }) => {
        const answer: Answer = JSON.parse(message)
        if (answer.id !== id) return
        client.off('Target.receivedMessageFromTarget', hear)
        resolve(answer.result)
      }
      client.on('Target.receivedMessageFromTarget', hear)
      client.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) }).catch(reject)
    })
  return async () => {
    await client.send('HeapProfiler.collectGarbage')
    await askWorker('HeapProfiler.collectGarbage')
    const { usedSize } = await client.send('Runtime.getHeapUsage')
    return { page: usedSize, worker: (await askWorker('Runtime.getHeapUsage'))?.usedSize ?? Number.NaN }
  }
}
