// Images to learn from: circles, squares, triangles and crosses, drawn anywhere in noise. The classifier's training data.

import type { Random } from 'siamrpn'

/** Side of an image, pixels. */
export const imageSize = 20

/** Whether a point lies in a shape that reaches from -1 to 1, by class. */
const shapes: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => Math.hypot(x, y) < 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.9,
  (x, y) => y < 0.9 && Math.abs(x) < (y + 1) / 2,
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.3 && Math.max(Math.abs(x), Math.abs(y)) < 1,
]

export const classCount = shapes.length

export interface Batch {
  /** `[N, SIZE, SIZE, 1]`, noise around 0, the shape from 0.6 to 1. */
  readonly images: Float32Array
  /** `[N]`: the class of each image. */
  readonly labels: Float32Array
}

/** Draws `count` images of one shape each. */
export function drawBatch(random: Random, count: number): Batch {
  const images = Float32Array.from({ length: count * imageSize * imageSize }, () => random.uniform(-0.2, 0.2))
  const labels = Float32Array.from({ length: count }, () => random.integer(classCount))
  for (const [n, label] of labels.entries()) {
    const radius = random.uniform(5, 8)
    const left = random.uniform(radius, imageSize - radius)
    const top = random.uniform(radius, imageSize - radius)
    for (let i = 0; i < imageSize * imageSize; i++) {
      const x = ((i % imageSize) - left) / radius
      const y = (Math.floor(i / imageSize) - top) / radius
      if (shapes[label]?.(x, y)) images[n * imageSize * imageSize + i] = random.uniform(0.6, 1)
    }
  }
  return { images, labels }
}
