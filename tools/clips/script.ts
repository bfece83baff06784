// The plan of a generated clip: who is where at which time, under which camera, light and sensor, all drawn from the
// clip's key. Cheap to make and to ask for boxes and visibility; nothing here paints.

import { Random } from 'siamrpn'
import type { Box } from '../frames/types.ts'
import { type Actor, centerOf, type Pose, poseOf } from './actor.ts'
import { makeDistractor, makeOccluder, makeTarget, type Setting, type Target } from './cast.ts'
import { type Camera, type Light, makeCamera, makeLight, tremble } from './conditions.ts'
import type { View } from './ground.ts'
import type { Contour } from './outline.ts'
import { groundPalette } from './palette.ts'
import { type Bounds, boundsOf, rasterise } from './raster.ts'
import { makeSensor, type Sensor } from './sensor.ts'
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

/** Largest share of the target that one thing may hide in the first frame, and in most others. */
const hiddenAtFirst = 0.04
const hiddenAtMost = 0.6
const probes = 10
const tooOften = 1

/** A clip's plan. */
export class Script {
  readonly key: ClipKey
  readonly setting: Setting
  readonly camera: Camera
  readonly light: Light
  readonly sensor: Sensor
  readonly target: Target
  /** Moving things that the target passes in front of, and those that hide it. */
  readonly behind: readonly Actor[]
  readonly before: readonly Actor[]
  readonly #inside: number

  constructor(key: ClipKey) {
    this.key = key
    const { width, height, frames } = key
    this.setting = { width, height, frames, ground: groundPalette(this.random('colours')) }
    this.target = makeTarget(this.random('target'), this.setting)
    this.camera = makeCamera(this.random('camera'), this.setting)
    this.light = makeLight(this.random('light'), this.setting)
    this.sensor = makeSensor(this.random('sensor'))
    const random = this.random('others')
    this.#inside = random.next() < 0.85 ? 1 : 0.65
    const others = Array.from({ length: random.pick([0, 0, 1, 1, 2, 3, 5]) }, () => ({
      actor: makeDistractor(random, this.setting, this.target),
      front: random.next() < 0.15,
    }))
    const occluders = Array.from({ length: frames < 20 ? 0 : random.pick([0, 0, 1, 1, 2, 3]) }, () =>
      makeOccluder(random, this.setting, this.target, random.uniform(0.25, 1) * frames),
    )
    const front = [...others.filter((other) => other.front).map(({ actor }) => actor), ...occluders]
    this.behind = others.filter((other) => !other.front).map(({ actor }) => actor)
    this.before = front.filter((actor) => this.#mayHide(actor))
  }

  /** Numbers for one part of the clip, which do not depend on what other parts draw. */
  random(part: string): Random {
    return new Random('clip', this.key.seed, this.key.clip, part)
  }

  /** The smallest upright box around the target in frame `index`, hidden parts included, those outside not. */
  box(index: number): Box {
    const { left, top, right, bottom } = boundsOf(this.targetPose(index).contours)
    const x = Math.max(0, left)
    const y = Math.max(0, top)
    return { x, y, width: Math.min(this.key.width, right) - x, height: Math.min(this.key.height, bottom) - y }
  }

  /** The smallest box around the target that lies as it does, x1, y1 ... x4, y4; parts out of the picture too. */
  corners(index: number): number[] {
    const turn = this.target.turn(index)
    const [cos, sin] = [cosTurns(turn), sinTurns(turn)]
    const upright = this.targetPose(index).contours.map((contour) => rotated(contour, cos, -sin))
    const { left, top, right, bottom } = boundsOf(upright)
    return [...rotated(Float64Array.of(left, top, right, top, right, bottom, left, bottom), cos, sin)]
  }

  /** Pixels that the camera moves the picture's middle from the frame before, and the change of its zoom (1: none). */
  cameraMotion(index: number): { readonly shift: number; readonly zoom: number } {
    const before = this.view(Math.max(0, index - 1))
    const { x, y, zoom } = this.view(index)
    return { shift: Math.hypot(x - before.x, y - before.y) * zoom, zoom: zoom / before.zoom }
  }

  /** Share of the target's area that is in the picture and not hidden, 0..1. */
  visibility(index: number): number {
    const { seen, whole } = this.#measure(index, this.before)
    return whole > 0 ? Math.min(1, seen / whole) : 0
  }

  /** Share of each pixel that the target covers, hidden parts included: width x height values, 0..1. */
  mask(index: number): Float32Array {
    const { width, height } = this.key
    const frame = { left: 0, top: 0, right: width, bottom: height }
    return rasterise(this.targetPose(index).contours, frame).data.slice(0, width * height)
  }

  /** The camera at a time. */
  view(time: number): View {
    const { camera } = this
    const zoom = camera.zoom(time)
    const turn = camera.turn(time)
    const shakeX = camera.shake * this.#tremble('x', time)
    const shakeY = camera.shake * this.#tremble('y', time)
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

  #tremble(axis: string, time: number): number {
    return this.camera.shake === 0 ? 0 : tremble([this.key.seed, this.key.clip, axis], time)
  }

  /** The target in frame `index`. */
  targetPose(index: number): Pose {
    return poseOf(this.target, index, this.view(index), { ...this.setting, inside: this.#inside })
  }

  /** How far an actor of the picture moves while the shutter is open. */
  smearOf(actor: Actor, index: number): readonly [number, number] {
    const { shutter } = this.sensor
    if (shutter === 0) return [0, 0]
    const half = shutter / 2
    return [actor.x(index + half) - actor.x(index - half), actor.y(index + half) - actor.y(index - half)]
  }

  /** How far the picture moves while the shutter is open. */
  cameraSmear(index: number): readonly [number, number] {
    const { shutter } = this.sensor
    if (shutter === 0) return [0, 0]
    const { camera } = this
    const half = shutter / 2
    const zoom = camera.zoom(index)
    const shakeX = camera.shake * (this.#tremble('x', index + 0.5) - this.#tremble('x', index - 0.5))
    const shakeY = camera.shake * (this.#tremble('y', index + 0.5) - this.#tremble('y', index - 0.5))
    return [
      zoom * (camera.x(index + half) - camera.x(index - half)) + shakeX * shutter,
      zoom * (camera.y(index + half) - camera.y(index - half)) + shakeY * shutter,
    ]
  }

  /** Whether an actor leaves enough of the target to be seen in the first frame and in most of the others. */
  #mayHide(actor: Actor): boolean {
    if (this.#hiddenBy(actor, 0) > hiddenAtFirst) return false
    let often = 0
    for (let probe = 1; probe < probes; probe++) {
      if (this.#hiddenBy(actor, Math.floor((probe / probes) * this.key.frames)) > hiddenAtMost) often++
    }
    return often <= tooOften
  }

  /** Share of the target in the picture that one thing hides. */
  #hiddenBy(actor: Actor, index: number): number {
    const view = this.view(index)
    const [x, y] = centerOf(actor, index, view, this.setting)
    const target = this.targetPose(index)
    const reach = reachOf(actor, index) + reachOf(this.target, index)
    if (Math.abs(x - target.x) > reach || Math.abs(y - target.y) > reach) return 0
    const both = this.#measure(index, [actor])
    const alone = this.#measure(index, [])
    return alone.seen > 0 ? 1 - ((both.seen / both.whole) * alone.whole) / alone.seen : 1
  }

  #measure(index: number, front: readonly Actor[]): { readonly seen: number; readonly whole: number } {
    const { contours } = this.targetPose(index)
    const bounds = boundsOf(contours)
    const view = this.view(index)
    const covers = front
      .map((actor) => ({ alpha: actor.look.alpha, shape: poseOf(actor, index, view, this.setting).contours }))
      .filter(({ shape }) => meet(boundsOf(shape), bounds))
    const { left, top, right, bottom } = bounds
    const inside = left >= 0 && top >= 0 && right <= this.key.width && bottom <= this.key.height
    if (inside && covers.length === 0) return { seen: 1, whole: 1 }
    const { x, y, width, height, data } = rasterise(contours, bounds)
    const cover = data.slice(0, width * height)
    let whole = 0
    for (const share of cover) whole += share
    for (const { alpha, shape } of covers) {
      const over = rasterise(shape, { left: x, top: y, right: x + width, bottom: y + height }).data
      for (let at = 0; at < cover.length; at++) cover[at] = (cover[at] ?? 0) * (1 - alpha * (over[at] ?? 0))
    }
    let seen = 0
    for (let row = Math.max(0, -y); row < Math.min(height, this.key.height - y); row++) {
      for (let column = Math.max(0, -x); column < Math.min(width, this.key.width - x); column++) {
        seen += cover[row * width + column] ?? 0
      }
    }
    return { seen, whole }
  }
}

function rotated(points: Contour, cos: number, sin: number): Contour {
  return points.map((_, index) => {
    const x = points[index & ~1] ?? 0
    const y = points[index | 1] ?? 0
    return index & 1 ? sin * x + cos * y : cos * x - sin * y
  })
}

function meet(a: Bounds, b: Bounds): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** At least the distance from an actor's centre to its farthest point. */
function reachOf(actor: Actor, index: number): number {
  const aspect = actor.aspect(index)
  return 2.2 * actor.size(index) * Math.max(aspect, 1 / aspect)
}
