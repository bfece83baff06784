// Anchors of SiameseRPN++ and the Hanning window that goes with them: one level, A = ratios x scales boxes per position,
// flat index (y * W + x) * A + a. Width and height are cut to integers before they are scaled, so ratio 2 gives 40x88; pysot
// derives the height from the width that was cut, which gives 40x80 and 32x96, and its weights need its anchors.
// Source: mmtrack/core/anchor/sot_anchor_generator.py; pysot/utils/anchor.py.

import type { AnchorGeneratorConfig } from './config.ts'

/** Size of one anchor before the scale, in pixels: whole numbers. */
type IntegerSize = readonly [width: number, height: number]

/** Anchor generator of the config entry `model.head.anchor_generator`. */
export class SiameseRPNAnchorGenerator {
  /** Pixels of the search image between neighbouring positions. */
  readonly stride: number
  /** Anchors per position, A. */
  readonly numBaseAnchors: number
  /** `[A, 4]`: x1, y1, x2, y2 in pixels around (0, 0); ratios outside, scales inside. */
  readonly baseAnchors: Float32Array

  constructor(config: AnchorGeneratorConfig) {
    const [stride] = config.strides
    const [baseSize] = config.base_sizes ?? config.strides
    const integerSize = config.variant === 'pysot' ? pysotSize : mmtrackingSize
    const boxes = config.ratios.flatMap((ratio) => {
      const [width, height] = integerSize(baseSize, ratio)
      return config.scales.map((scale) => [width * scale * 0.5, height * scale * 0.5] as const)
    })
    this.stride = stride
    this.numBaseAnchors = boxes.length
    this.baseAnchors = Float32Array.from(boxes.flatMap(([x, y]) => [-x, -y, x, y]))
  }

  /** Anchors of every position of a map, `[height * width * A, 4]` xyxy; position (0, 0) is centred at the origin. */
  gridPriors(height: number, width: number): Float32Array {
    return this.#shifted(height, width, 0, 0)
  }

  /**
   * The anchors as the head uses them: `gridPriors` moved so that the middle position of the map is centred at the origin.
   * Decoded boxes are then offsets from the previous box.
   */
  headAnchors(height: number, width: number): Float32Array {
    return this.#shifted(height, width, Math.floor(height / 2), Math.floor(width / 2))
  }

  /**
   * Outer product of two Hanning windows in float64, `[height * width * A]`, each value repeated for the A anchors of its
   * position (numpy's `hanning`; the scores that it is mixed with are float64 too).
   */
  genWindow(height: number, width: number): Float64Array {
    const rows = hanning(height)
    const columns = hanning(width)
    const window = new Float64Array(height * width * this.numBaseAnchors)
    let at = 0
    for (const row of rows) {
      for (const column of columns) {
        window.fill(row * column, at, at + this.numBaseAnchors)
        at += this.numBaseAnchors
      }
    }
    return window
  }

  #shifted(height: number, width: number, originY: number, originX: number): Float32Array {
    const anchors = new Float32Array(height * width * this.baseAnchors.length)
    let at = 0
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const shift = [(x - originX) * this.stride, (y - originY) * this.stride]
        for (const [i, edge] of this.baseAnchors.entries()) anchors[at++] = edge + (shift[i & 1] ?? 0)
      }
    }
    return anchors
  }
}

/** MMTracking: both sides from the float32 square root of the ratio, each cut to an integer. */
function mmtrackingSize(baseSize: number, ratio: number): IntegerSize {
  const heightRatio = Math.fround(Math.sqrt(Math.fround(ratio)))
  const widthRatio = Math.fround(1 / heightRatio)
  return [Math.trunc(Math.fround(baseSize * widthRatio)), Math.trunc(Math.fround(baseSize * heightRatio))]
}

/** pysot: the width from the area, the height from the width. */
function pysotSize(baseSize: number, ratio: number): IntegerSize {
  const width = Math.trunc(Math.sqrt((baseSize * baseSize) / ratio))
  return [width, Math.trunc(width * ratio)]
}

function hanning(length: number): Float64Array {
  if (length === 1) return Float64Array.of(1)
  return Float64Array.from({ length }, (_, i) => 0.5 + 0.5 * Math.cos((Math.PI * (2 * i + 1 - length)) / (length - 1)))
}
