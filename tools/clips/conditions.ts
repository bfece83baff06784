// Draws the conditions that a clip is filmed in: the way of the camera, its tremble, and the light.

import { hashKey, type Random } from 'siamrpn'
import type { Setting } from './cast.ts'
import { fixed, type Track, wandering } from './track.ts'

/** The way of the camera over the world. */
export interface Camera {
  readonly x: Track
  readonly y: Track
  readonly zoom: Track
  readonly turn: Track
  readonly shake: number
}

/** Exposure over time. */
export interface Light {
  readonly gain: Track
  readonly cast: readonly [number, number, number]
  readonly offset: number
  readonly slope: readonly [number, number]
  readonly flicker: number
}

/** Draws a camera's way. */
export function makeCamera(random: Random, { width, height, frames }: Setting): Camera {
  const still = random.next() < 0.15
  const spacing = random.pick([8, 16, 30])
  const reach = still ? 0 : random.uniform(0.05, 0.5)
  const zooming = still || random.next() < 0.5 ? 0 : random.uniform(0.05, 0.3)
  const turning = still || random.next() < 0.6 ? 0 : random.uniform(0.005, 0.04)
  const walk = (range: number) => wandering(random, { range: [-range, range], spacing, step: 0.35, frames })
  const base = random.uniform(0.85, 1.3)
  const zoom = walk(zooming)
  return {
    x: walk(reach * width),
    y: walk(reach * height * 0.5),
    zoom: (time) => base + zoom(time),
    turn: turning === 0 ? fixed(0) : walk(turning),
    shake: still || random.next() < 0.5 ? 0 : random.uniform(0.2, 4),
  }
}

/** Draws the light. */
export function makeLight(random: Random, { frames }: Setting): Light {
  const dim = random.next() < 0.12 ? random.uniform(0.35, 0.65) : random.uniform(0.75, 1.2)
  const drift = random.next() < 0.5 ? 0.03 : random.uniform(0.05, 0.3)
  const tint = random.next() < 0.4 ? 0.03 : 0.15
  const tilt = random.next() < 0.5 ? 0 : 0.3
  const cast = () => 1 + random.uniform(-tint, tint)
  const gain = wandering(random, { range: [1 - drift, 1 + drift], spacing: 18, step: 0.5, frames })
  return {
    gain: (time) => dim * gain(time),
    cast: [cast(), cast(), cast()],
    offset: random.next() < 0.5 ? 0 : random.uniform(-12, 25),
    slope: [random.uniform(-tilt, tilt), random.uniform(-tilt, tilt)],
    flicker: random.next() < 0.75 ? 0 : random.uniform(0.01, 0.08),
  }
}

/** Straight ways through a random value -1..1 per frame; `key` names the clip and the axis. */
export function tremble(key: readonly (string | number)[], time: number): number {
  const frame = Math.floor(time)
  const t = time - frame
  const at = (index: number) => hashKey([...key, index]) / 2 ** 31 - 1
  return at(frame) + (at(frame + 1) - at(frame)) * t
}
