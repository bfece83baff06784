// One generated clip: a ground, a camera, a cast, light and a sensor, all drawn from the clip's key, and frames rendered in
// any order. What costs time is made when the first frame is asked for; boxes need only the target's outline.

import { Random } from '../random.ts'
import type { SyntheticFrame } from '../synthetic.ts'
import type { Box, FrameSource } from '../types.ts'
import { type Actor, centerOf, type Pose, poseOf } from './actor.ts'
import { type Canvas, drawShade, drawSprite } from './canvas.ts'
import {
  makeClutter,
  makeDistractor,
  makeOccluder,
  makeShadow,
  makeTarget,
  type Setting,
  type Shadow,
  type Target,
} from './cast.ts'
import { type Camera, type Light, makeCamera, makeLight, tremble } from './conditions.ts'
import { drawGround, type Ground, makeGround, type View } from './ground.ts'
import { type Contour, plainDisc } from './outline.ts'
import { groundPalette } from './palette.ts'
import { boundsOf, rasterise } from './raster.ts'
import { compress, defocus, expose, makeSensor, type Sensor, smear } from './sensor.ts'
import { cosTurns, sinTurns } from './turns.ts'

/** Which clip; equal keys give equal clips, bit for bit, on every machine. */
export interface ClipKey {
  readonly seed: number | string
  readonly clip: number
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
  /** Frames. */
  readonly frames: number
}

interface Scenery {
  readonly ground: Ground
  readonly clutter: readonly Actor[]
  readonly shadows: readonly Shadow[]
  readonly castShadow: { readonly x: number; readonly y: number; readonly factor: number } | undefined
}

const frameRate = 25

/** A clip of the generator. */
export class GeneratedClip {
  readonly width: number
  readonly height: number
  /** Frames. */
  readonly count: number
  readonly fps = frameRate
  private readonly key: ClipKey
  private readonly camera: Camera
  private readonly light: Light
  private readonly sensor: Sensor
  private readonly target: Target
  private readonly behind: readonly Actor[]
  private readonly before: readonly Actor[]
  private readonly inside: number
  private readonly setting: Setting
  private scenery: Scenery | undefined

  constructor(key: ClipKey) {
    this.key = key
    this.width = key.width
    this.height = key.height
    this.count = key.frames
    const { width, height, frames } = key
    this.setting = { width, height, frames, ground: groundPalette(this.random('colours')) }
    this.target = makeTarget(this.random('target'), this.setting)
    this.camera = makeCamera(this.random('camera'), this.setting)
    this.light = makeLight(this.random('light'), this.setting)
    this.sensor = makeSensor(this.random('sensor'))
    const random = this.random('others')
    this.inside = random.next() < 0.85 ? 1 : 0.65
    const others = Array.from({ length: random.pick([0, 0, 1, 1, 2, 3, 5]) }, () => ({
      actor: makeDistractor(random, this.setting, this.target),
      before: random.next() < 0.25,
    }))
    const occluders = Array.from({ length: frames < 20 ? 0 : random.pick([0, 0, 1, 1, 2, 3]) }, () =>
      makeOccluder(random, this.setting, this.target, random.uniform(0.25, 1) * frames),
    )
    this.behind = others.filter(({ before }) => !before).map(({ actor }) => actor)
    this.before = [...others.filter(({ before }) => before).map(({ actor }) => actor), ...occluders]
  }

  /** The smallest upright box around the target in frame `index`, hidden parts included, parts out of the picture not. */
  box(index: number): Box {
    const { left, top, right, bottom } = boundsOf(this.targetPose(index).contours)
    const x = Math.max(0, left)
    const y = Math.max(0, top)
    return { x, y, width: Math.min(this.width, right) - x, height: Math.min(this.height, bottom) - y }
  }

  /** Share of the target's area that is in the picture and not hidden, 0..1. */
  visibility(index: number): number {
    const { seen, whole } = this.measure(index)
    return whole > 0 ? Math.min(1, seen / whole) : 0
  }

  /** Share of each pixel that the target covers, hidden parts included: width x height values, 0..1. */
  mask(index: number): Float32Array {
    const { width, height } = this
    const frame = { left: 0, top: 0, right: width, bottom: height }
    return rasterise(this.targetPose(index).contours, frame).data.slice(0, width * height)
  }

  /** Renders frame `index`. */
  frame(index: number): SyntheticFrame {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`frame ${index} asked for, expected a whole number from 0 to ${this.count - 1}`)
    }
    const { width, height, sensor } = this
    const scenery = this.makeScenery()
    const canvas: Canvas = { width, height, data: borrowed(width * height) }
    const view = this.view(index)
    drawGround(canvas, scenery.ground, view)
    for (const actor of scenery.clutter) this.draw(canvas, actor, index)
    const [smearX, smearY] = this.cameraSmear(index)
    smear(canvas, smearX, smearY)
    for (const actor of this.behind) this.draw(canvas, actor, index)
    const pose = this.targetPose(index)
    this.drawCastShadow(canvas, pose, scenery)
    drawSprite(canvas, {
      ...pose,
      surface: this.target.surface(),
      look: this.target.look,
      blur: this.smearOf(this.target, index),
    })
    for (const actor of this.before) this.draw(canvas, actor, index)
    for (const shadow of scenery.shadows) this.drawShadow(canvas, shadow, index)
    if (sensor.blurPasses > 0) defocus(canvas, sensor.blurSide, sensor.blurPasses)
    const frame = this.expose(canvas, index)
    return { frame, box: this.box(index), visibility: this.visibility(index) }
  }

  /** The clip as a frame source. */
  source(): FrameSource {
    const { width, height, count, fps } = this
    let closed = false
    const render = (index: number) => this.frame(index).frame
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

  private random(part: string): Random {
    return new Random('clip', this.key.seed, this.key.clip, part)
  }

  private makeScenery(): Scenery {
    if (this.scenery !== undefined) return this.scenery
    const random = this.random('scenery')
    const { nominal } = this.target
    const shadows = random.next() < 0.25 ? 1 + random.integer(2) : 0
    this.scenery = {
      ground: makeGround(this.random('ground'), this.setting.ground),
      clutter: makeClutter(random, this.setting, this.target),
      shadows: Array.from({ length: shadows }, () => makeShadow(random, this.setting)),
      castShadow:
        random.next() < 0.4
          ? {
              x: random.uniform(-0.6, 0.6) * nominal,
              y: random.uniform(0.3, 0.9) * nominal,
              factor: random.uniform(0.5, 0.85),
            }
          : undefined,
    }
    return this.scenery
  }

  private view(time: number): View {
    const { camera } = this
    const zoom = camera.zoom(time)
    const turn = camera.turn(time)
    const shakeX = camera.shake * this.tremble('x', time)
    const shakeY = camera.shake * this.tremble('y', time)
    return {
      x: camera.x(time) + shakeX / zoom,
      y: camera.y(time) + shakeY / zoom,
      zoom,
      cos: cosTurns(turn),
      sin: sinTurns(turn),
      shakeX,
      shakeY,
    }
  }

  private tremble(axis: string, time: number): number {
    return this.camera.shake === 0 ? 0 : tremble([this.key.seed, this.key.clip, axis], time)
  }

  private targetPose(index: number): Pose {
    return poseOf(this.target, index, this.view(index), { width: this.width, height: this.height, inside: this.inside })
  }

  private draw(canvas: Canvas, actor: Actor, index: number): void {
    const view = this.view(index)
    const [x, y] = centerOf(actor, index, view, this)
    const aspect = actor.aspect(index)
    const reach = 2.2 * actor.size(index) * Math.max(aspect, 1 / aspect) * (actor.inWorld ? view.zoom : 1)
    if (x + reach < 0 || y + reach < 0 || x - reach > this.width || y - reach > this.height) return
    const blur = actor.inWorld ? ([0, 0] as const) : this.smearOf(actor, index)
    drawSprite(canvas, {
      ...poseOf(actor, index, view, this.setting),
      surface: actor.surface(),
      look: actor.look,
      blur,
    })
  }

  /** How far an actor of the picture moves while the shutter is open. */
  private smearOf(actor: Actor, index: number): readonly [number, number] {
    const { shutter } = this.sensor
    if (shutter === 0) return [0, 0]
    const half = shutter / 2
    return [actor.x(index + half) - actor.x(index - half), actor.y(index + half) - actor.y(index - half)]
  }

  private cameraSmear(index: number): readonly [number, number] {
    const { shutter } = this.sensor
    if (shutter === 0) return [0, 0]
    const { camera } = this
    const half = shutter / 2
    const zoom = camera.zoom(index)
    const shakeX = camera.shake * (this.tremble('x', index + 0.5) - this.tremble('x', index - 0.5))
    const shakeY = camera.shake * (this.tremble('y', index + 0.5) - this.tremble('y', index - 0.5))
    return [
      zoom * (camera.x(index + half) - camera.x(index - half)) + shakeX * shutter,
      zoom * (camera.y(index + half) - camera.y(index - half)) + shakeY * shutter,
    ]
  }

  private drawCastShadow(canvas: Canvas, pose: Pose, { castShadow }: Scenery): void {
    if (castShadow === undefined) return
    const { left, top, right, bottom } = boundsOf(pose.contours)
    const x = (left + right) / 2 + castShadow.x
    const y = (top + bottom) / 2 + castShadow.y
    for (const grow of [0.8, 1.05, 1.3]) {
      const contours = ellipses([x, y, ((right - left) / 2) * grow, ((bottom - top) / 2) * grow * 0.7])
      drawShade(canvas, contours, 1 - (1 - castShadow.factor) / 2)
    }
  }

  private drawShadow(canvas: Canvas, shadow: Shadow, index: number): void {
    const x = shadow.x(index)
    const y = shadow.y(index)
    const step = Math.sqrt(shadow.factor)
    for (const size of [shadow.size, shadow.size * 1.08]) {
      const contours = shadow
        .outline(index)
        .map((contour) => contour.map((value, at) => (at & 1 ? y : x) + size * value))
      drawShade(canvas, contours, step)
    }
  }

  private expose(canvas: Canvas, index: number) {
    const { light, sensor } = this
    const random = new Random('clip', this.key.seed, this.key.clip, 'frame', index)
    const gain = light.gain(index) * (1 + light.flicker * random.uniform(-1, 1))
    const frame = expose(canvas, {
      gain: [gain * light.cast[0], gain * light.cast[1], gain * light.cast[2]],
      offset: light.offset,
      slope: light.slope,
      noise: sensor.noise,
      seed: random.bits(),
    })
    if (sensor.compression > 0) compress(frame, sensor.compression)
    return frame
  }

  private measure(index: number): { readonly seen: number; readonly whole: number } {
    const { contours } = this.targetPose(index)
    const bounds = boundsOf(contours)
    const mask = rasterise(contours, bounds)
    const { x, y, width, height } = mask
    const cover = mask.data.slice(0, width * height)
    const whole = cover.reduce((sum, value) => sum + value, 0)
    const view = this.view(index)
    for (const actor of this.before) {
      const front = poseOf(actor, index, view, this.setting).contours
      const other = boundsOf(front)
      if (other.left > bounds.right || other.right < bounds.left) continue
      if (other.top > bounds.bottom || other.bottom < bounds.top) continue
      const { data } = rasterise(front, { left: x, top: y, right: x + width, bottom: y + height })
      for (let at = 0; at < cover.length; at++) cover[at] = (cover[at] ?? 0) * (1 - actor.look.alpha * (data[at] ?? 0))
    }
    let seen = 0
    for (let row = Math.max(0, -y); row < Math.min(height, this.height - y); row++) {
      for (let column = Math.max(0, -x); column < Math.min(width, this.width - x); column++) {
        seen += cover[row * width + column] ?? 0
      }
    }
    return { seen, whole }
  }
}

let pixels = new Int32Array(0)

/** The memory that all clips draw in. */
function borrowed(count: number): Int32Array {
  if (pixels.length !== count) pixels = new Int32Array(count)
  return pixels
}

function ellipses([x, y, halfWidth, halfHeight]: readonly [number, number, number, number]): readonly Contour[] {
  return plainDisc(0).map((contour) =>
    contour.map((value, at) => (at & 1 ? y + halfHeight * value : x + halfWidth * value)),
  )
}
