// The page's side of the tracker's worker: requests as promises.

import type { Answers, Message, Progress, Request, WorkerFailure } from './protocol.ts'

/** An error that the worker told. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly kind: WorkerFailure['kind']

  constructor({ message, kind }: WorkerFailure) {
    super(message)
    this.kind = kind
  }
}

interface Pending {
  readonly resolve: (answer: Answers[keyof Answers]) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((progress: Progress) => void) | undefined
}

export class TrackerClient {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #next = 0

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'tracker' })
    this.#worker.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data)
    this.#worker.onerror = (event) =>
      this.#fail(new WorkerError({ message: `The tracker's worker stopped: ${event.message}`, kind: 'other' }))
  }

  /** @param transfer what the worker takes over, such as the picture of the request */
  ask<K extends Request['kind']>(
    request: Extract<Request, { kind: K }>,
    transfer: Transferable[] = [],
    onProgress?: (progress: Progress) => void,
  ): Promise<Answers[K]> {
    const id = this.#next++
    return new Promise<Answers[K]>((resolve, reject) => {
      this.#pending.set(id, { resolve: (answer) => resolve(answer as Answers[K]), reject, onProgress })
      this.#worker.postMessage({ id, request }, transfer)
    })
  }

  close(): void {
    this.#worker.terminate()
    this.#fail(new WorkerError({ message: 'The tracker was closed', kind: 'other' }))
  }

  #receive(message: Message): void {
    const pending = this.#pending.get(message.id)
    if (!pending) return
    if ('progress' in message) {
      pending.onProgress?.(message.progress)
      return
    }
    this.#pending.delete(message.id)
    if ('error' in message) pending.reject(new WorkerError(message.error))
    else pending.resolve(message.answer)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
