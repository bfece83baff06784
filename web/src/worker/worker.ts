// The tracker's worker: the library runs here, so that the page stays responsive while the GPU or the processor is busy.

import { type LoadProgress, SiamRPN, type Target } from 'siamrpn'
import type {
  AdapterInfo,
  Answers,
  LoadRequest,
  Message,
  Progress,
  Request,
  StartRequest,
  StepRequest,
} from './protocol.ts'

const stages: Readonly<Record<LoadProgress['stage'], string>> = {
  download: 'Downloading the model',
  reading: 'Reading the model',
  weights: 'Uploading the weights',
  kernels: 'Preparing the kernels',
}

type Tell = (progress: Progress) => void

class Host {
  #tracker: SiamRPN | undefined
  readonly #targets = new Map<number, Target>()

  async handle(request: Request, tell: Tell): Promise<Answers[keyof Answers]> {
    switch (request.kind) {
      case 'load':
        return await this.#load(request, tell)
      case 'start':
        return await this.#start(request)
      case 'step':
        return await this.#step(request)
      case 'stop':
        return await this.#stop(request.keys)
      case 'lose':
        this.#loaded().device.gpu.destroy()
        return null
      default:
        throw new Error(`The worker does not know the request "${request.kind}"`)
    }
  }

  async #load({ weights }: LoadRequest, tell: Tell): Promise<AdapterInfo> {
    const onProgress = ({ stage, done, total }: LoadProgress) => tell({ stage: stages[stage], done, total })
    const checkpoint = weights?.bytes
    const tracker = await SiamRPN.load({ checkpoint, onProgress })
    await this.#close()
    this.#tracker = tracker
    const { description, kind } = tracker.device.adapter
    return { description, software: kind === 'cpu' }
  }

  async #start({ key, picture, box }: StartRequest): Promise<null> {
    try {
      const target = await this.#loaded().init(picture, box)
      await this.#targets.get(key)?.release()
      this.#targets.set(key, target)
    } finally {
      picture.close()
    }
    return null
  }

  async #step({ keys, picture }: StepRequest): Promise<Answers['step']> {
    try {
      const results = []
      for (const key of keys) {
        const target = this.#targets.get(key)
        if (!target) throw new Error(`No target ${key} is being followed`)
        const { box, score } = await target.update(picture)
        results.push({ box, score })
      }
      return results
    } finally {
      picture.close()
    }
  }

  async #stop(keys: readonly number[]): Promise<null> {
    for (const key of keys) {
      await this.#targets.get(key)?.release()
      this.#targets.delete(key)
    }
    return null
  }

  async #close(): Promise<void> {
    this.#targets.clear()
    await this.#tracker?.close()
    this.#tracker = undefined
  }

  #loaded(): SiamRPN {
    if (!this.#tracker) throw new Error('No model is loaded')
    return this.#tracker
  }
}

const host = new Host()

self.onmessage = async ({ data: { id, request } }: MessageEvent<{ id: number; request: Request }>) => {
  const send = (message: Message, transfer: Transferable[] = []) => self.postMessage(message, { transfer })
  try {
    const answer = await host.handle(request, (progress) => send({ id, progress }))
    send({ id, answer }, answer instanceof ArrayBuffer ? [answer] : [])
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
    send({ id, error: { name, message } })
  }
}
