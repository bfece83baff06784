// Maps of the plane without their offset: turns, stretches, mirrors, and what becomes of a box under them.

import type { Random } from 'siamrpn'

/** The matrix `[[a, b], [c, d]]`: x' = a x + b y, y' = c x + d y. */
export type Linear = readonly [a: number, b: number, c: number, d: number]

/** x, y in pixels. */
export type Point = readonly [x: number, y: number]

export const identity: Linear = [1, 0, 0, 1]
/** Left becomes right. */
export const mirror: Linear = [-1, 0, 0, 1]

/** First `inner`, then `outer`. */
export function compose(outer: Linear, inner: Linear): Linear {
  const [a, b, c, d] = outer
  const [e, f, g, h] = inner
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h]
}

export function scaled([a, b, c, d]: Linear, by: number): Linear {
  return [a * by, b * by, c * by, d * by]
}

export function apply([a, b, c, d]: Linear, [x, y]: Point): Point {
  return [a * x + b * y, c * x + d * y]
}

export function inverse([a, b, c, d]: Linear): Linear {
  const determinant = a * d - b * c
  return [d / determinant, -b / determinant, -c / determinant, a / determinant]
}

/** By how much lengths grow, in the mean of all directions. */
export function magnification([a, b, c, d]: Linear): number {
  return Math.sqrt(Math.abs(a * d - b * c))
}

/** A random turn of up to `degrees` either way, and a stretch that changes the aspect ratio by up to e^`stretch`. */
export function randomMotion(random: Random, degrees: number, stretch: number): Linear {
  const angle = (random.uniform(-degrees, degrees) * Math.PI) / 180
  const aspect = Math.exp(random.uniform(-stretch, stretch) / 2)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return [cos * aspect, -sin * aspect, sin / aspect, cos / aspect]
}

/** Width and height of the box around an ellipse that filled a box of `width` x `height`: things are rather round. */
export function turnedSize([a, b, c, d]: Linear, width: number, height: number): readonly [number, number] {
  return [Math.hypot(a * width, b * height), Math.hypot(c * width, d * height)]
}

/** Side of the square window around an object of this size with its context, as SiamFC cuts it. */
export function contextSide(width: number, height: number, contextAmount: number): number {
  const context = contextAmount * (width + height)
  return Math.sqrt((width + context) * (height + context))
}
