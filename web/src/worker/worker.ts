// The tracker's worker: the library runs here, so that the page stays responsive while the GPU or the processor is busy.

import {
  type Device,
  DeviceLostError,
  type LoadProgress,
  OutOfMemoryError,
  openDevice,
  SiamRPN,
  type Target,
  type TeachProgress,
} from 'siamrpn'
import { namedConfig } from 'siamrpn/configs'
import { indexedDbStore } from 'siamrpn/kernels'
import type {
  AdapterInfo,
  Answers,
  LoadRequest,
  Message,
  Progress,
  Request,
  StartRequest,
  StepRequest,
  TeachRequest,
  WorkerFailure,
} from './protocol.ts'

const stages: Readonly<Record<LoadProgress['stage'], string>> = {
  download: 'Downloading the model',
  reading: 'Reading the model',
  weights: 'Uploading the weights',
  benchmark: 'Finding the fastest kernels',
  kernels: 'Preparing the kernels',
}

const teachStages: Readonly<Record<TeachProgress['stage'], string>> = {
  features: 'Looking at the corrected frames',
  kernels: 'Preparing the training step',
  fitting: 'Teaching',
}

/** Seconds for measuring kernels at the first visit. On a processor the default ones are the measured ones already. */
const benchmarkSeconds = 3

type Tell = (progress: Progress) => void

class Host {
  /** As it was loaded; the taught one lives on its device. */
  #loadedTracker: SiamRPN | undefined
  #taught: SiamRPN | undefined
  /** That both live on. */
  #device: Device | undefined
  #teaching = new AbortController()
  readonly #targets = new Map<number, Target>()

  /** Told of a request before those in front of it are done, so that it can be cancelled while it waits. */
  announce({ kind }: Request): void {
    if (kind === 'teach') this.#teaching = new AbortController()
  }

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
      case 'teach':
        return await this.#teach(request, tell)
      case 'cancel-teach':
        this.#teaching.abort()
        return null
      case 'forget':
        await this.#forget()
        return null
      case 'export-weights':
        return bytesOf(this.#tracker.save())
      case 'lose':
        this.#tracker.device.gpu.destroy()
        return null
    }
  }

  async #load({ weights, architecture, taught }: LoadRequest, tell: Tell): Promise<AdapterInfo> {
    const config = architecture === undefined ? undefined : namedConfig(architecture)
    const onProgress = ({ stage, done, total }: LoadProgress) => tell({ stage: stages[stage], done, total })
    const device = await openDevice()
    const { description, kind } = device.adapter
    const software = kind === 'cpu'
    const benchmark = software ? false : { store: indexedDbStore(), seconds: benchmarkSeconds }
    try {
      const tracker = await SiamRPN.load({ checkpoint: weights, config, device, benchmark, onProgress })
      const learned = taught && (await SiamRPN.load({ checkpoint: taught, device, onProgress }))
      await this.#close()
      this.#loadedTracker = tracker
      this.#taught = learned
      this.#device = device
    } catch (error) {
      await device.close()
      throw error
    }
    return { description, software }
  }

  async #start({ key, picture, box }: StartRequest): Promise<null> {
    try {
      const target = await this.#tracker.init(picture, box)
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

  async #teach({ examples, steps }: TeachRequest, tell: Tell): Promise<Answers['teach']> {
    const base = this.#loadedTracker
    if (!base) throw new Error('No model is loaded')
    const { signal } = this.#teaching
    const losses: number[] = []
    try {
      const taught = await base.teach(
        examples.map(({ picture, box }) => ({ frame: picture, box })),
        {
          steps,
          signal,
          onProgress: ({ stage, done, total, loss }) => {
            if (loss !== undefined) losses.push(loss)
            tell({ stage: teachStages[stage], done, total, loss })
          },
        },
      )
      await this.#forget()
      this.#taught = taught
      return { losses, weights: bytesOf(taught.save()) }
    } finally {
      for (const { picture } of examples) picture.close()
    }
  }

  /** Goes back to the weights that were loaded. */
  async #forget(): Promise<void> {
    await this.#stop([...this.#targets.keys()])
    await this.#taught?.close()
    this.#taught = undefined
  }

  async #close(): Promise<void> {
    await this.#forget()
    await this.#loadedTracker?.close()
    this.#loadedTracker = undefined
    await this.#device?.close()
    this.#device = undefined
  }

  get #tracker(): SiamRPN {
    const tracker = this.#taught ?? this.#loadedTracker
    if (!tracker) throw new Error('No model is loaded')
    return tracker
  }
}

function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

const host = new Host()
let turn: Promise<void> = Promise.resolve()

async function answer(id: number, request: Request): Promise<void> {
  const send = (message: Message) => self.postMessage(message)
  try {
    send({ id, answer: await host.handle(request, (progress) => send({ id, progress })) })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    send({ id, error: { message, kind: kindOf(error) } })
  }
}

function kindOf(error: unknown): WorkerFailure['kind'] {
  if (error instanceof DeviceLostError) return 'device lost'
  const noArray = error instanceof RangeError && /alloc/i.test(error.message) // as browsers tell it of an array
  return noArray || error instanceof OutOfMemoryError ? 'out of memory' : 'other'
}

/** One request at a time, but for those that cut into the one under way. */
self.onmessage = ({ data: { id, request } }: MessageEvent<{ id: number; request: Request }>) => {
  host.announce(request)
  if (request.kind === 'cancel-teach' || request.kind === 'lose') void answer(id, request)
  else turn = turn.then(() => answer(id, request))
}
