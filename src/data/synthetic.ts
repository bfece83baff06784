// Synthetic clips with exact ground truth: a textured target moves, turns and changes its size over a textured ground,
// passes a look-alike (distractor) and a pillar (partial occlusion). Everything follows from the seed, bit for bit.

import { type Course, follow, sweep, wander } from './course.ts'
import { hashKey, Random } from './random.ts'
import { boundsOf, develop, drawShape, groundScene, type Shape } from './scene.ts'
import { groundTexture, objectTexture, type Pattern, type Texture } from './texture.ts'
import type { Box, FrameSource, RgbFrame } from './types.ts'

export interface SyntheticClipOptions {
  /** Anything; equal seeds give equal clips (1). */
  readonly seed?: number | string
  /** Pixels (320). */
  readonly width?: number
  /** Pixels (240). */
  readonly height?: number
  /** Frames (60). */
  readonly frames?: number
  /** Look-alikes that cross the target's way (1). */
  readonly distractors?: number
  /** Pillars that the target passes behind (1). */
  readonly occluders?: number
  /** Largest deviation of the sensor noise in grey levels (5). */
  readonly noise?: number
}

export interface SyntheticFrame {
  readonly frame: RgbFrame
  /** The target's whole extent, hidden parts included. */
  readonly box: Box
  /** Share of the target that is seen, 0..1. */
  readonly visibility: number
}

interface Actor {
  readonly texture: Texture
  readonly x: Course
  readonly y: Course
  readonly scale: Course
  /** Tangent of half the angle, which needs no sine. */
  readonly turn: Course
  readonly halfWidth: number
  readonly halfHeight: number
  /** Corner radius as a share of the shorter half side. */
  readonly roundness: number
}

const frameRate = 25
const framesPerKnot = 12
const knotsPerPass = 6
const patterns: readonly [Pattern, ...Pattern[]] = ['checks', 'stripes', 'rings', 'patches']
const still: Course = [0, 0]
const scaleRange = [0.75, 1.4] as const
const turnRange = [-0.22, 0.22] as const

/** A clip that is rendered frame by frame, in any order. */
export class SyntheticClip {
  readonly width: number
  readonly height: number
  readonly count: number
  readonly fps = frameRate
  private readonly seed: number | string
  private readonly knots: number
  private readonly noise: number
  private readonly ground: Texture
  private readonly camera: { readonly x: Course; readonly y: Course; readonly light: Course }
  private readonly target: Actor
  private readonly distractors: readonly Actor[]
  private readonly pillars: readonly Actor[]

  constructor(options: SyntheticClipOptions = {}) {
    this.width = options.width ?? 320
    this.height = options.height ?? 240
    this.count = options.frames ?? 60
    this.seed = options.seed ?? 1
    this.noise = options.noise ?? 5
    this.knots = 2 + Math.ceil(this.count / framesPerKnot)
    const random = new Random('synthetic', this.seed)
    const pattern = random.pick(patterns)
    const hue = random.next()
    this.ground = groundTexture(random)
    this.camera = {
      x: this.wander(random, -0.12 * this.width, 0.12 * this.width),
      y: this.wander(random, -0.08 * this.height, 0.08 * this.height),
      light: this.wander(random, 0.92, 1.08),
    }
    this.target = this.makeTarget(random, objectTexture(random, pattern, hue))
    this.distractors = Array.from({ length: options.distractors ?? 1 }, (_, index) =>
      this.makeDistractor(random, objectTexture(random, pattern, hue + random.uniform(0.06, 0.12)), index),
    )
    this.pillars = Array.from({ length: options.occluders ?? 1 }, (_, index) => this.makePillar(random, index))
  }

  /** The target's box in frame `index`, hidden parts included; always inside the frame. */
  box(index: number): Box {
    return boundsOf(this.pose(this.target, index))
  }

  /** Renders frame `index`. */
  render(index: number): SyntheticFrame {
    const { camera, distractors, pillars } = this
    const scene = groundScene(this.ground, this, this.at(camera.x, index), this.at(camera.y, index))
    for (const actor of distractors) drawShape(scene, this.pose(actor, index))
    const cover = new Float32Array(this.width * this.height)
    drawShape(scene, this.pose(this.target, index), (pixel, share) => {
      cover[pixel] = share
    })
    const whole = sum(cover)
    for (const actor of pillars) {
      drawShape(scene, this.pose(actor, index, true), (pixel, share) => {
        cover[pixel] = (cover[pixel] ?? 0) * (1 - share)
      })
    }
    const frame = develop(scene, this.at(camera.light, index), this.noise, hashKey(['noise', this.seed, index]))
    return { frame, box: this.box(index), visibility: whole > 0 ? sum(cover) / whole : 0 }
  }

  /** The clip as a frame source. */
  source(): FrameSource {
    const { width, height, count, fps } = this
    let closed = false
    const render = (index: number) => this.render(index).frame
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

  private makeTarget(random: Random, texture: Texture): Actor {
    const side = Math.min(this.width, this.height)
    const halfWidth = side * random.uniform(0.085, 0.115)
    const halfHeight = halfWidth * random.uniform(0.75, 1.3)
    const margin = scaleRange[1] * Math.sqrt(halfWidth * halfWidth + halfHeight * halfHeight)
    return {
      texture,
      x: sweep(random, [margin, this.width - margin], this.knots, knotsPerPass),
      y: this.wander(random, margin, this.height - margin),
      scale: this.wander(random, ...scaleRange, 0.8),
      turn: this.wander(random, ...turnRange, 0.6),
      halfWidth,
      halfHeight,
      roundness: random.uniform(0.3, 1),
    }
  }

  /** Built like the target; comes close to it at one moment, from one side to the other. */
  private makeDistractor(random: Random, texture: Texture, index: number): Actor {
    const { x, y, halfWidth, halfHeight, roundness } = this.target
    const meeting = 2 + (index % Math.max(1, this.knots - 4))
    const direction = random.next() < 0.5 ? -1 : 1
    const beside = (course: Course, near: number) =>
      course.map((value, knot) => {
        const apart = knot === meeting ? near : random.uniform(2.5, 4.5) * halfWidth
        return value + (knot < meeting ? -direction : direction) * apart
      })
    return {
      texture,
      x: beside(x, 2.4 * halfWidth),
      y: beside(y, 0.8 * halfHeight),
      scale: this.wander(random, ...scaleRange),
      turn: this.wander(random, ...turnRange),
      halfWidth,
      halfHeight,
      roundness,
    }
  }

  /** Stands in the world, so that the target passes behind it late in the clip. */
  private makePillar(random: Random, index: number): Actor {
    const moment = 1 - 0.28 * (index + 1)
    const frame = Math.round(moment * (this.count - 1))
    const { x } = this.pose(this.target, frame)
    const halfWidth = this.target.halfWidth * random.uniform(0.4, 0.55)
    const center = x + this.at(this.camera.x, frame)
    return {
      texture: groundTexture(random, 128),
      x: [center, center],
      y: [this.height / 2, this.height / 2],
      scale: [1, 1],
      turn: still,
      halfWidth,
      halfHeight: this.height,
      roundness: 0.2,
    }
  }

  /** Where an actor is in a frame; one that stands in the world moves against the camera. */
  private pose(actor: Actor, index: number, inWorld = false): Shape {
    const scale = this.at(actor.scale, index)
    const tangent = this.at(actor.turn, index)
    const halfWidth = actor.halfWidth * scale
    const halfHeight = actor.halfHeight * scale
    return {
      texture: actor.texture,
      x: this.at(actor.x, index) - (inWorld ? this.at(this.camera.x, index) : 0),
      y: this.at(actor.y, index) - (inWorld ? this.at(this.camera.y, index) : 0),
      halfWidth,
      halfHeight,
      radius: actor.roundness * Math.min(halfWidth, halfHeight),
      cos: (1 - tangent * tangent) / (1 + tangent * tangent),
      sin: (2 * tangent) / (1 + tangent * tangent),
    }
  }

  private wander(random: Random, low: number, high: number, step?: number): Course {
    return wander(random, [low, high], this.knots, step)
  }

  private at(course: Course, index: number): number {
    return follow(course, this.count > 1 ? index / (this.count - 1) : 0)
  }
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0)
}
