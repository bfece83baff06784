// A thing with its way through the clip, and its pose at a time: contours in pixels and the way back to its surface.

import type { Look } from './canvas.ts'
import type { View } from './ground.ts'
import type { Contour, Outline } from './outline.ts'
import { boundsOf } from './raster.ts'
import type { LazySurface } from './surface.ts'
import type { Track } from './track.ts'
import { cosTurns, sinTurns } from './turns.ts'

export interface Actor {
  readonly outline: Outline
  readonly surface: LazySurface
  readonly look: Look
  /** Stands in the world, which the camera passes; or its way is one through the picture. */
  readonly inWorld: boolean
  readonly x: Track
  readonly y: Track
  /** Half of the geometric mean of its sides, in pixels. */
  readonly size: Track
  /** Square root of width by height. */
  readonly aspect: Track
  /** In turns. */
  readonly turn: Track
  readonly shear: Track
  /** Growth of the width from the middle to the lower end. */
  readonly keystone: Track
}

export interface Pose {
  readonly contours: readonly Contour[]
  readonly toSurface: readonly [number, number, number, number, number, number]
  readonly x: number
  readonly y: number
}

/** What a pose needs to know about the picture. */
export interface Stage {
  readonly width: number
  readonly height: number
}

/** Centre of an actor in the picture. */
export function centerOf(actor: Actor, time: number, view: View, stage: Stage): readonly [x: number, y: number] {
  const x = actor.x(time)
  const y = actor.y(time)
  if (!actor.inWorld) return [x - view.shakeX, y - view.shakeY]
  const dx = x - view.x
  const dy = y - view.y
  return [
    stage.width / 2 + view.zoom * (view.cos * dx - view.sin * dy),
    stage.height / 2 + view.zoom * (view.sin * dx + view.cos * dy),
  ]
}

/** The actor at a time. `inside` is the share of its box that must stay in the picture; it is moved there if need be. */
export function poseOf(actor: Actor, time: number, view: View, stage: Stage & { readonly inside?: number }): Pose {
  const scale = actor.inWorld ? view.zoom : 1
  const size = actor.size(time) * scale
  const aspect = actor.aspect(time)
  const [cos, sin] = direction(actor.turn(time), actor.inWorld ? view : undefined)
  const halfWidth = size * aspect
  const halfHeight = size / aspect
  const shear = actor.shear(time)
  const keystone = actor.keystone(time)
  const [wantedX, wantedY] = centerOf(actor, time, view, stage)
  const contours = actor.outline(time).map((contour) => {
    const placed = new Float64Array(contour.length)
    for (let index = 0; index < contour.length; index += 2) {
      const v = contour[index + 1] ?? 0
      const u = (contour[index] ?? 0) * (1 + keystone * v) + shear * v
      placed[index] = wantedX + cos * halfWidth * u - sin * halfHeight * v
      placed[index + 1] = wantedY + sin * halfWidth * u + cos * halfHeight * v
    }
    return placed
  })
  const [dx, dy] = stage.inside === undefined ? [0, 0] : intoPicture(contours, stage, stage.inside)
  const x = wantedX + dx
  const y = wantedY + dy
  if (dx !== 0 || dy !== 0) {
    for (const contour of contours) {
      for (let index = 0; index < contour.length; index++)
        contour[index] = (contour[index] ?? 0) + (index & 1 ? dy : dx)
    }
  }
  const a = cos / halfWidth
  const b = sin / halfWidth
  const d = -sin / halfHeight
  const e = cos / halfHeight
  const c = -(a * x + b * y)
  const f = -(d * x + e * y)
  return { contours, toSurface: [a - shear * d, b - shear * e, c - shear * f, d, e, f], x, y }
}

function direction(turn: number, view: View | undefined): readonly [cos: number, sin: number] {
  const cos = cosTurns(turn)
  const sin = sinTurns(turn)
  return view === undefined ? [cos, sin] : [cos * view.cos - sin * view.sin, sin * view.cos + cos * view.sin]
}

/** How far contours must move so that `inside` of their width and height is in the picture. */
function intoPicture(contours: readonly Contour[], stage: Stage, inside: number): readonly [dx: number, dy: number] {
  const { left, top, right, bottom } = boundsOf(contours)
  const overX = (right - left) * (1 - inside)
  const overY = (bottom - top) * (1 - inside)
  return [
    Math.max(0, -overX - left) + Math.min(0, stage.width + overX - right),
    Math.max(0, -overY - top) + Math.min(0, stage.height + overY - bottom),
  ]
}
