// Videos of blank frames and trackers without a GPU, for tests of what goes on around tracking.

import type { CenterBox } from '../../../src/siamrpn/boxes.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import type { Sequence } from '../../../tools/benchmarks/types.ts'
import type { ReadFrame } from '../../../tools/evaluation/sequence-video.ts'
import type { VideoTracker } from '../../../tools/evaluation/track-video.ts'
import type { Box } from '../../../tools/frames/types.ts'

export const size = { width: 64, height: 48 }

export function blankFrame({ width, height } = size): RgbFrame {
  return { data: new Uint8Array(width * height * 3), width, height, channels: 3 }
}

export const readBlank: ReadFrame = async () => blankFrame()

export const box = (x: number, y = 10, width = 10, height = 8): Box => ({ x, y, width, height })

export const nothing: Box = { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }

export function sequenceOf(name: string, boxes: readonly Box[], entries: Partial<Sequence> = {}): Sequence {
  return {
    name,
    images: boxes.map((_, index) => `${name}/${index}.jpg`),
    boxes,
    visible: boxes.map(() => true),
    attributes: [],
    ...entries,
  }
}

/** Follows by moving right by `step` pixels a frame. */
export class FakeTracker implements VideoTracker {
  /** Where targets began. */
  readonly begun: CenterBox[] = []
  updates = 0
  /** Targets that were not released. */
  held = 0
  readonly #step: number
  readonly #onUpdate: (updates: number) => void | Promise<void>

  constructor(step = 1, onUpdate: (updates: number) => void | Promise<void> = () => undefined) {
    this.#step = step
    this.#onUpdate = onUpdate
  }

  init(_frame: RgbFrame, center: CenterBox) {
    this.begun.push(center)
    this.held++
    let current = center
    return Promise.resolve({
      update: async () => {
        this.updates++
        await this.#onUpdate(this.updates)
        current = { ...current, cx: current.cx + this.#step }
        return { center: current, score: 0.5 }
      },
      release: () => {
        this.held--
        return Promise.resolve()
      },
    })
  }
}
