// Chromium without Playwright, over its debugging pipe: Playwright keeps every page in the foreground, and here one goes to the background.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { chromiumPath, fakeCamera, flags, softwareGpu } from './site.ts'

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

export interface RawPage {
  /** The value of an expression, awaited where it is a promise. */
  evaluate<T>(expression: string): Promise<T>
  /** In the foreground, behind another tab, or behind it and frozen, as phones do it. */
  put(state: 'front' | 'background' | 'frozen'): Promise<void>
  close(): Promise<void>
}

/** @param camera as of `BrowserOptions` */
export async function openRawPage(address: string, camera: string): Promise<RawPage> {
  const profile = await mkdtemp(join(tmpdir(), 'siamrpn-raw-'))
  const args = [
    ...['--headless', '--remote-debugging-pipe', `--user-data-dir=${profile}`],
    ...[...flags, ...softwareGpu, ...fakeCamera, `--use-file-for-fake-video-capture=${camera}`, 'about:blank'],
  ]
  const child = spawn(chromiumPath() ?? '', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable]
  const pending = new Map<number, (answer: Answer) => void>()
  let received = ''
  output.on('data', (data: Buffer) => {
    const messages = (received + data).split('\0')
    received = messages.pop() ?? ''
    for (const answer of messages.map((message): Answer => JSON.parse(message))) {
      if (answer.id !== undefined) pending.get(answer.id)?.(answer)
    }
  })
  let last = 0
  const send = (method: string, params: Record<string, unknown> = {}, sessionId?: unknown) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const id = ++last
      pending.set(id, ({ result, error }) => {
        pending.delete(id)
        if (error) reject(new Error(`${method}: ${error.message}`))
        else resolve(result ?? {})
      })
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })

  const { targetId } = await send('Target.createTarget', { url: address })
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
  const { targetId: otherId } = await send('Target.createTarget', { url: 'about:blank' })
  const lifecycle = (state: string) => send('Page.setWebLifecycleState', { state }, sessionId)
  return {
    async evaluate<T>(expression: string) {
      const params = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = (await send('Runtime.evaluate', params, sessionId)) as {
        result: { value: T }
        exceptionDetails?: unknown
      }
      if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
      return result.value
    },
    async put(state) {
      if (state !== 'frozen') await lifecycle('active')
      await send('Target.activateTarget', { targetId: state === 'front' ? targetId : otherId })
      if (state === 'frozen') await lifecycle('frozen')
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await send('Browser.close')
      await ended
      await rm(profile, { recursive: true, force: true })
    },
  }
}
