// Small models with seeded weights, smooth frames in which something moves, and a tracker over them.

import type { StateDict } from '../../src/formats/state-dict.ts'
import type { Device } from '../../src/gpu/device.ts'
import type { Box, CenterBox } from '../../src/siamrpn/boxes.ts'
import type { ModelConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import type { PixelFrame } from '../../src/siamrpn/frame.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { smoothImage } from '../golden/check/hash.ts'

export const micro = namedConfig('micro')

type Tree = { [key: string]: Tree }

/** r50 as plain data, with the entries at these dotted paths set, or taken out where the value is undefined. */
export function r50With(changes: Readonly<Record<string, unknown>>): Tree {
  const root: Tree = JSON.parse(JSON.stringify(r50))
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('.')
    const last = keys.pop()!
    const node = keys.reduce((tree, key) => tree[key]!, root)
    if (value === undefined) delete node[last]
    else node[last] = value as Tree
  }
  return root
}

/** The backbone of a configuration that has a ResNet. */
export function resNetOf({ backbone }: ModelConfig): Extract<ModelConfig['backbone'], { type: 'SOTResNet' }> {
  if (backbone.type === 'SOTResNet') return backbone
  throw new TypeError(`${backbone.type} is no ResNet`)
}

export function microWeights(seed = 1): StateDict {
  return randomWeights(stateDictShapes(micro.model), seed)
}

/** A tracker with the smallest model, on a device of the caller's. */
export async function microTracker(device: Device, seed = 1): Promise<SiamRPN> {
  return await SiamRPN.create(microWeights(seed), { config: micro, device })
}

const size = { width: 160, height: 120 }

/** Frame `index` of an RGB clip of 160x120 pixels: a window that slides over a smooth image. */
export function clipFrame(index: number, { width, height } = size): PixelFrame {
  const wide = width + 64
  picture ??= smoothImage('clip', size.height + 64, size.width + 64)
  const source = wide === size.width + 64 ? picture : smoothImage('clip', height + 64, wide)
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = ((y + index) * wide + 2 * index) * 3
    data.set(source.subarray(from, from + width * 3), y * width * 3)
  }
  return { data, width, height }
}
let picture: Uint8Array | undefined

/** The same picture with a fourth byte per pixel, which means nothing. */
export function withAlpha({ data, width, height }: PixelFrame): PixelFrame {
  const rgba = new Uint8Array(width * height * 4)
  for (let pixel = 0; pixel < width * height; pixel++) {
    rgba.set(data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4)
    rgba[pixel * 4 + 3] = (pixel * 7) % 256
  }
  return { data: rgba, width, height }
}

export const boxes: readonly Box[] = [
  { x: 30, y: 40, width: 40, height: 30 },
  { x: 90, y: 20, width: 25, height: 45 },
  { x: -10, y: 90, width: 50, height: 50 },
]

export const [firstBox] = boxes as readonly [Box]

export function numbersOf(box: Box | CenterBox): number[] {
  return 'cx' in box ? [box.cx, box.cy, box.width, box.height] : [box.x, box.y, box.width, box.height]
}
