// One generated clip: the plan's actors painted over the ground, through the camera's optics, into bytes. Frames can be
// asked for in any order. What costs time is made when the first frame is asked for.

import { Random, type RgbFrame } from 'siamrpn'
import type { Box, FrameSource } from '../frames/types.ts'
import { type Actor, centerOf, type Pose, poseOf } from './actor.ts'
import { type Canvas, drawShade, drawSprite } from './canvas.ts'
import { makeClutter, makeShadow, type Shadow } from './cast.ts'
import { drawGround, type Ground, makeGround } from './ground.ts'
import { type Contour, plainDisc } from './outline.ts'
import { boundsOf } from './raster.ts'
import { type ClipKey, Script } from './script.ts'
import { compress, defocus, expose, smear } from './sensor.ts'

/** A rendered frame with its truth. */
export interface SyntheticFrame {
  readonly frame: RgbFrame
  /** The target's whole extent, hidden parts included. */
  readonly box: Box
  /** Share of the target that is seen, 0..1. */
  readonly visibility: number
}

interface CastShadow {
  readonly x: number
  readonly y: number
  readonly factor: number
}

interface Scenery {
  readonly ground: Ground
  readonly clutter: readonly Actor[]
  readonly shadows: readonly Shadow[]
  /** What each thing darkens: displacement in half sides of its box. */
  readonly castShadow: CastShadow | undefined
}

const frameRate = 25
const blockSide = 8
/** So many of the largest things that stand about cast a shadow. */
const shadowed = 10

/** A clip of the generator. */
export class GeneratedClip {
  readonly width: number
  readonly height: number
  /** Frames. */
  readonly count: number
  readonly fps = frameRate
  readonly #script: Script
  #scenery: Scenery | undefined

  constructor(key: ClipKey) {
    this.width = key.width
    this.height = key.height
    this.count = key.frames
    this.#script = new Script(key)
  }

  /** The smallest upright box around the target in frame `index`, hidden parts included, those outside not. */
  box(index: number): Box {
    return this.#script.box(index)
  }

  /** The smallest box around the target that lies as it does, x1, y1 ... x4, y4; parts out of the picture too. */
  corners(index: number): readonly number[] {
    return this.#script.corners(index)
  }

  /** What changes from the frame before: pixels that the camera moves; zoom and light as ratios (1: as before). */
  changes(index: number): { readonly shift: number; readonly zoom: number; readonly light: number } {
    const { gain } = this.#script.light
    return { ...this.#script.cameraMotion(index), light: gain(index) / gain(Math.max(0, index - 1)) }
  }

  /** Share of the target's area that is in the picture and not hidden, 0..1. */
  visibility(index: number): number {
    return this.#script.visibility(index)
  }

  /** Share of each pixel that the target covers, hidden parts included: width x height values, 0..1. */
  mask(index: number): Float32Array {
    return this.#script.mask(index)
  }

  /** Renders frame `index` with its truth. */
  frame(index: number): SyntheticFrame {
    return { frame: this.picture(index), box: this.box(index), visibility: this.visibility(index) }
  }

  /** Renders frame `index`; given a window, only what is in it, and the rest of the frame in its mean color. */
  picture(index: number, window?: Box): RgbFrame {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`frame ${index} asked for, expected a whole number from 0 to ${this.count - 1}`)
    }
    const script = this.#script
    const scenery = this.#makeScenery()
    const canvas = this.#canvasFor(window)
    drawGround(canvas, scenery.ground, script.view(index), script.setting)
    for (const [rank, actor] of scenery.clutter.entries()) {
      this.#draw(canvas, actor, index, rank < shadowed ? scenery.castShadow : undefined)
    }
    const [smearX, smearY] = script.cameraSmear(index)
    smear(canvas, smearX, smearY)
    for (const actor of script.behind) this.#draw(canvas, actor, index, scenery.castShadow)
    this.#drawTarget(canvas, index, scenery.castShadow)
    for (const actor of script.before) this.#draw(canvas, actor, index)
    for (const shadow of scenery.shadows) drawShadow(canvas, shadow, index)
    const { blurPasses, blurSide } = script.sensor
    if (blurPasses > 0) defocus(canvas, blurSide, blurPasses)
    return embedded(this.#expose(canvas, index), canvas, this)
  }

  /** The clip as a frame source. */
  source(): FrameSource {
    const { width, height, count, fps } = this
    let closed = false
    const render = (index: number) => this.picture(index)
    return {
      width,
      height,
      fps,
      count,
      async *[Symbol.asyncIterator]() {
        for (let index = 0; index < count && !closed; index++) yield await Promise.resolve(render(index))
      },
      close() {
        closed = true
        return Promise.resolve()
      },
    }
  }

  /** The part of the picture to draw, at whole compression blocks. */
  #canvasFor(window: Box | undefined): Canvas {
    const { width, height } = this
    if (window === undefined) return { x: 0, y: 0, width, height, data: new Int32Array(width * height) }
    const low = (value: number, end: number) =>
      Math.max(0, Math.min(end - blockSide, Math.floor(value / blockSide) * blockSide))
    const x = low(window.x, width)
    const y = low(window.y, height)
    const right = Math.min(width, Math.max(x + blockSide, Math.ceil((window.x + window.width) / blockSide) * blockSide))
    const bottom = Math.min(
      height,
      Math.max(y + blockSide, Math.ceil((window.y + window.height) / blockSide) * blockSide),
    )
    return { x, y, width: right - x, height: bottom - y, data: new Int32Array((right - x) * (bottom - y)) }
  }

  #makeScenery(): Scenery {
    if (this.#scenery !== undefined) return this.#scenery
    const script = this.#script
    const random = script.random('scenery')
    const { target, setting } = script
    const shadows = random.next() < 0.25 ? 1 + random.integer(2) : 0
    this.#scenery = {
      ground: makeGround(script.random('ground'), setting.ground),
      clutter: makeClutter(random, setting, target),
      shadows: Array.from({ length: shadows }, () => makeShadow(random, setting)),
      castShadow:
        random.next() < 0.4
          ? { x: random.uniform(-0.5, 0.5), y: random.uniform(0.3, 0.7), factor: random.uniform(0.5, 0.85) }
          : undefined,
    }
    return this.#scenery
  }

  #draw(canvas: Canvas, actor: Actor, index: number, shadow?: CastShadow): void {
    const script = this.#script
    const view = script.view(index)
    const [x, y] = centerOf(actor, index, view, script.setting)
    const aspect = actor.aspect(index)
    const reach = 2.2 * actor.size(index) * Math.max(aspect, 1 / aspect) * (actor.inWorld ? view.zoom : 1)
    if (x + reach < canvas.x || x - reach > canvas.x + canvas.width) return
    if (y + reach < canvas.y || y - reach > canvas.y + canvas.height) return
    const blur = actor.inWorld ? ([0, 0] as const) : script.smearOf(actor, index)
    const pose = poseOf(actor, index, view, script.setting)
    if (shadow !== undefined) drawCastShadow(canvas, pose, shadow)
    drawSprite(canvas, { ...pose, surface: actor.surface(), look: actor.look, blur })
  }

  #drawTarget(canvas: Canvas, index: number, shadow: CastShadow | undefined): void {
    const script = this.#script
    const { target } = script
    const pose = script.targetPose(index)
    if (shadow !== undefined) drawCastShadow(canvas, pose, shadow)
    const look = { ...target.look, offset: [target.rollX(index), target.rollY(index)] as const }
    drawSprite(canvas, { ...pose, surface: target.surface(), look, blur: script.smearOf(target, index) })
  }

  #expose(canvas: Canvas, index: number): RgbFrame {
    const { light, sensor, key, setting } = this.#script
    const random = new Random('clip', key.seed, key.clip, 'frame', index)
    const gain = light.gain(index) * (1 + light.flicker * random.uniform(-1, 1))
    const frame = expose(canvas, setting, {
      gain: [gain * light.cast[0], gain * light.cast[1], gain * light.cast[2]],
      offset: light.offset,
      slope: light.slope,
      noise: sensor.noise,
      seed: random.bits(),
    })
    if (sensor.compression > 0) compress(frame, sensor.compression)
    return frame
  }
}

/** Darkens the ground beside a thing, less towards the edge. */
function drawCastShadow(canvas: Canvas, pose: Pose, shadow: CastShadow): void {
  const { left, top, right, bottom } = boundsOf(pose.contours)
  const halfWidth = (right - left) / 2
  const halfHeight = (bottom - top) / 2
  const x = left + halfWidth * (1 + shadow.x)
  const y = top + halfHeight * (1 + shadow.y)
  for (const grow of [0.7, 0.85, 1, 1.15, 1.3]) {
    drawShade(canvas, ellipses([x, y, halfWidth * grow, halfHeight * grow * 0.75]), 1 - (1 - shadow.factor) / 4)
  }
}

function drawShadow(canvas: Canvas, shadow: Shadow, index: number): void {
  const x = shadow.x(index)
  const y = shadow.y(index)
  const step = Math.sqrt(shadow.factor)
  for (const size of [shadow.size, shadow.size * 1.08]) {
    const contours = shadow.outline(index).map((contour) => contour.map((value, at) => (at & 1 ? y : x) + size * value))
    drawShade(canvas, contours, step)
  }
}

function ellipses([x, y, halfWidth, halfHeight]: readonly [number, number, number, number]): readonly Contour[] {
  return plainDisc(0).map((contour) =>
    contour.map((value, at) => (at & 1 ? y + halfHeight * value : x + halfWidth * value)),
  )
}

/** The window's picture within the whole frame; what is around it has its mean color. */
function embedded(part: RgbFrame, { x, y }: Canvas, { width, height }: { width: number; height: number }): RgbFrame {
  if (part.width === width && part.height === height) return part
  const mean = meanColor(part)
  const data = new Uint8Array(width * height * 3)
  for (let column = 0; column < width; column++) data.set(mean, column * 3)
  for (let row = 1; row < height; row++) data.copyWithin(row * width * 3, 0, width * 3)
  for (let row = 0; row < part.height; row++) {
    const line = part.data.subarray(row * part.width * 3, (row + 1) * part.width * 3)
    data.set(line, ((y + row) * width + x) * 3)
  }
  return { data, width, height, channels: 3 }
}

function meanColor({ data, width, height }: RgbFrame): readonly number[] {
  let r = 0
  let g = 0
  let b = 0
  for (let at = 0; at < data.length; at += 3) {
    r += data[at] ?? 0
    g += data[at + 1] ?? 0
    b += data[at + 2] ?? 0
  }
  return [r, g, b].map((sum) => Math.round(sum / (width * height)))
}
