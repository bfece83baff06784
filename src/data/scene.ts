// The renderer under `SyntheticClip`: rounded rectangles with a texture, turned and scaled, with smooth edges, drawn
// over a textured ground in floating point. Edge coverage follows from the signed distance to the rounded rectangle.

import { mix32 } from './random.ts'
import { sampleTexture, type Texture } from './texture.ts'
import type { Box, RgbFrame } from './types.ts'

/** A picture under construction: R, G, B, 0..1, rows from the top. */
export interface Scene {
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

/** A textured rounded rectangle; lengths in pixels. */
export interface Shape {
  readonly texture: Texture
  /** Centre. */
  readonly x: number
  readonly y: number
  readonly halfWidth: number
  readonly halfHeight: number
  /** Corner radius, at most the shorter half side. */
  readonly radius: number
  readonly cos: number
  readonly sin: number
}

const groundZoom = 1.6
const rim = 0.55
const rimWidth = 0.18

/** A scene that shows the ground from (x, y) on. */
export function groundScene(
  ground: Texture,
  size: { readonly width: number; readonly height: number },
  x: number,
  y: number,
): Scene {
  const { width, height } = size
  const data = new Float32Array(width * height * 3)
  const color = new Float32Array(3)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      sampleTexture(ground, (column + x) / groundZoom, (row + y) / groundZoom, color)
      data.set(color, (row * width + column) * 3)
    }
  }
  return { width, height, data }
}

/** The smallest upright box around a shape. */
export function boundsOf({ x, y, halfWidth, halfHeight, radius, cos, sin }: Shape): Box {
  const a = halfWidth - radius
  const b = halfHeight - radius
  const spanX = Math.abs(cos) * a + Math.abs(sin) * b + radius
  const spanY = Math.abs(sin) * a + Math.abs(cos) * b + radius
  return { x: x - spanX, y: y - spanY, width: 2 * spanX, height: 2 * spanY }
}

/** Draws a shape and tells `covered` each touched pixel's index with the share of it that the shape covers (0..1). */
export function drawShape(scene: Scene, shape: Shape, covered?: (pixel: number, share: number) => void): void {
  const { width, height, data } = scene
  const bounds = boundsOf(shape)
  const bottom = Math.min(height, Math.ceil(bounds.y + bounds.height) + 1)
  const right = Math.min(width, Math.ceil(bounds.x + bounds.width) + 1)
  const texel = shape.texture.size / 2
  const color = new Float32Array(3)
  for (let row = Math.max(0, Math.floor(bounds.y) - 1); row < bottom; row++) {
    for (let column = Math.max(0, Math.floor(bounds.x) - 1); column < right; column++) {
      const dx = column + 0.5 - shape.x
      const dy = row + 0.5 - shape.y
      const u = shape.cos * dx + shape.sin * dy
      const v = shape.cos * dy - shape.sin * dx
      const depth = -signedDistance(shape, u, v)
      const share = Math.max(0, Math.min(1, depth + 0.5))
      if (share === 0) continue
      const scale = texel / Math.max(shape.halfWidth, Math.min(shape.halfHeight, 2 * shape.halfWidth))
      sampleTexture(shape.texture, u * scale, v * scale, color)
      const shade = rim + (1 - rim) * Math.min(1, depth / (rimWidth * Math.min(shape.halfWidth, shape.halfHeight)))
      const pixel = row * width + column
      for (let c = 0; c < 3; c++) {
        const behind = data[pixel * 3 + c] ?? 0
        data[pixel * 3 + c] = behind + ((color[c] ?? 0) * shade - behind) * share
      }
      covered?.(pixel, share)
    }
  }
}

/** Turns a scene into bytes: exposure `light`, then uniform sensor noise of at most `noise` grey levels. */
export function develop(scene: Scene, light: number, noise: number, seed: number): RgbFrame {
  const { width, height } = scene
  const data = new Uint8Array(scene.data.length)
  for (let index = 0; index < data.length; index++) {
    const grain = (mix32(seed + index) / 2 ** 31 - 1) * noise
    data[index] = Math.max(0, Math.min(255, Math.round((scene.data[index] ?? 0) * 255 * light + grain)))
  }
  return { data, width, height, channels: 3 }
}

/** Distance of (u, v), in the shape's own axes, to its edge; negative inside. */
function signedDistance({ halfWidth, halfHeight, radius }: Shape, u: number, v: number): number {
  const a = Math.abs(u) - halfWidth + radius
  const b = Math.abs(v) - halfHeight + radius
  const outX = Math.max(0, a)
  const outY = Math.max(0, b)
  return Math.sqrt(outX * outX + outY * outY) + Math.min(0, Math.max(a, b)) - radius
}
