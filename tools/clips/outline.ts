// Outlines of things as closed contours in their own coordinates (about -1..1 each way), changing over time: boxes, discs,
// polygons, blobs that billow, figures that walk, vehicles, hinges, wings, rings with a hole.

import type { Random } from 'siamrpn'
import { cosTurns, sinTurns } from './turns.ts'

/** A closed polygon, x and y in turn. Contours of the same direction unite; one of the other direction is a hole. */
export type Contour = Float64Array

/** The contours at a time, in frames. */
export type Outline = (time: number) => readonly Contour[]

const makers: readonly [(random: Random) => Outline, ...((random: Random) => Outline)[]] = [
  roundedBox,
  roundedBox,
  disc,
  disc,
  polygon,
  blob,
  blob,
  blob,
  blob,
  star,
  figure,
  figure,
  vehicle,
  hinge,
  ring,
  cross,
  wings,
]

/** Draws an outline; some of those that are stiff by nature bend a little. */
export function makeOutline(random: Random): Outline {
  const outline = random.pick(makers)(random)
  return random.next() < 0.4 ? bending(outline, random) : outline
}

/** An outline that never changes, for things that stand. */
export function makeStill(random: Random): Outline {
  const contours = random.pick(makers)(random)(random.uniform(0, 100))
  return () => contours
}

/** The rectangle -1..1. */
export const plainBox: Outline = constant([rectangle(0, 0, 1, 1)])

/** The unit disc. */
export const plainDisc: Outline = constant([ellipse(0, 0, 1, 1)])

function constant(contours: readonly Contour[]): Outline {
  return () => contours
}

function roundedBox(random: Random): Outline {
  return constant([rounded(0, 0, 1, 1, random.uniform(0.05, 0.9))])
}

function disc(): Outline {
  return plainDisc
}

function polygon(random: Random): Outline {
  const corners = 3 + random.integer(5)
  const start = random.next()
  const points = Array.from({ length: corners }, (_, index) => {
    const angle = start + (index + random.uniform(-0.3, 0.3)) / corners
    const radius = random.uniform(0.75, 1.1)
    return [radius * cosTurns(angle), radius * sinTurns(angle)]
  })
  return constant([Float64Array.from(points.flat())])
}

/** A disc whose radius is a sum of waves that travel around it: a bag, a cloth, an animal, a stone if they stand still. */
function blob(random: Random): Outline {
  const count = 32
  const size = random.uniform(0.08, 0.4)
  const haste = random.next() < 0.3 ? 0 : random.uniform(0.2, 1.6)
  const waves = Array.from({ length: 5 }, (_, index) => ({
    order: index + 2,
    size: (size * random.uniform(0.3, 1)) / Math.sqrt(index + 1),
    phase: random.next(),
    speed: (haste * random.uniform(-1, 1)) / 40,
    beat: (haste * random.uniform(0.2, 1)) / 60,
  }))
  return (time) => {
    const contour = new Float64Array(count * 2)
    for (let index = 0; index < count; index++) {
      const angle = index / count
      let radius = 0.9
      for (const { order, size: height, phase, speed, beat } of waves) {
        const now = height * (0.65 + 0.35 * sinTurns(phase * 7 + beat * time))
        radius += now * cosTurns(order * angle + phase + speed * time)
      }
      contour[index * 2] = Math.max(0.25, radius) * cosTurns(angle)
      contour[index * 2 + 1] = Math.max(0.25, radius) * sinTurns(angle)
    }
    return [contour]
  }
}

function star(random: Random): Outline {
  const arms = 4 + random.integer(5)
  const inner = random.uniform(0.4, 0.75)
  const points = Array.from({ length: arms * 2 }, (_, index) => {
    const radius = (index % 2 === 0 ? 1 : inner) * random.uniform(0.85, 1.1)
    return [radius * cosTurns(index / arms / 2), radius * sinTurns(index / arms / 2)]
  })
  return constant([Float64Array.from(points.flat())])
}

/** Head, trunk, two legs, two arms; walking. */
function figure(random: Random): Outline {
  const pace = random.pick([0, 1]) / random.uniform(14, 40)
  const stride = random.uniform(0.04, 0.1)
  const girth = random.uniform(0.35, 0.6)
  const still = [ellipse(0, -0.8, girth * 0.55, 0.2), rounded(0, -0.22, girth, 0.42, 0.5)]
  return (time) => {
    const swing = stride * sinTurns(pace * time)
    return [
      ...still,
      limb([-girth * 0.5, 0.1], 0.9, girth * 0.4, swing),
      limb([girth * 0.5, 0.1], 0.9, girth * 0.4, -swing),
      limb([-girth * 0.9, -0.5], 0.65, girth * 0.25, -swing * 1.3 + 0.02),
      limb([girth * 0.9, -0.5], 0.65, girth * 0.25, swing * 1.3 - 0.02),
    ]
  }
}

function vehicle(random: Random): Outline {
  const front = random.uniform(0.2, 0.7)
  const roof = random.uniform(-0.95, -0.6)
  const wheel = random.uniform(0.2, 0.32)
  const direction = random.next() < 0.5 ? -1 : 1
  const cabin =
    direction < 0
      ? [-front, 0, -front * 0.5, roof, 0.7, roof, 0.9, 0]
      : [-0.9, 0, -0.7, roof, front * 0.5, roof, front, 0]
  return constant([
    rounded(0, 0.25, 1, 0.4, 0.4),
    Float64Array.from(cabin),
    ellipse(-0.58, 0.66, wheel, wheel * 1.3),
    ellipse(0.58, 0.66, wheel, wheel * 1.3),
  ])
}

/** Two bars that open and close. */
function hinge(random: Random): Outline {
  const thickness = random.uniform(0.2, 0.45)
  const rest = random.uniform(-0.15, 0.15)
  const swing = random.uniform(0.02, 0.14)
  const pace = 1 / random.uniform(20, 70)
  const length = random.uniform(0.7, 1.1)
  return (time) => {
    const angle = rest + swing * sinTurns(pace * time)
    return [limb([0, -0.05], length, thickness, 0.25 + angle), limb([0, -0.05], length, thickness, -0.25 - angle)]
  }
}

function ring(random: Random): Outline {
  const inner = random.uniform(0.35, 0.7)
  const square = random.next() < 0.4
  const outer = square ? rounded(0, 0, 1, 1, 0.3) : ellipse(0, 0, 1, 1)
  const hole = square ? rounded(0, 0, inner, inner, 0.3) : ellipse(0, 0, inner, inner)
  return constant([outer, reversed(hole)])
}

function cross(random: Random): Outline {
  const a = random.uniform(0.2, 0.5)
  const b = random.uniform(0.2, 0.5)
  const shift = random.uniform(-0.5, 0.5)
  return constant([rectangle(0, shift, 1, a), rectangle(random.uniform(-0.5, 0.5), 0, b, 1)])
}

/** A body with two wings that beat. */
function wings(random: Random): Outline {
  const pace = 1 / random.uniform(8, 30)
  const sweep = random.uniform(-0.5, 0.5)
  const body = ellipse(0, 0, random.uniform(0.15, 0.3), random.uniform(0.4, 0.9))
  return (time) => {
    const span = 0.75 + 0.3 * sinTurns(pace * time)
    const wing = (side: number) =>
      oriented(Float64Array.from([0, -0.3, side * span, sweep - 0.35, side * span * 0.85, sweep + 0.3, 0, 0.35]))
    return [body, wing(-1), wing(1)]
  }
}

function bending(outline: Outline, random: Random): Outline {
  const size = random.uniform(0.03, 0.14)
  const waves = random.uniform(0.15, 0.5)
  const pace = random.uniform(-1, 1) / 30
  const phase = random.next()
  return (time) =>
    outline(time).map((contour) =>
      contour.map((value, index) => {
        const other = contour[index ^ 1] ?? 0
        return value + size * sinTurns(waves * other + phase + pace * time + (index & 1) * 0.3)
      }),
    )
}

function rectangle(x: number, y: number, halfWidth: number, halfHeight: number): Contour {
  return Float64Array.from([
    x - halfWidth,
    y - halfHeight,
    x + halfWidth,
    y - halfHeight,
    x + halfWidth,
    y + halfHeight,
    x - halfWidth,
    y + halfHeight,
  ])
}

function ellipse(x: number, y: number, halfWidth: number, halfHeight: number): Contour {
  const count = 24
  return Float64Array.from({ length: count * 2 }, (_, index) => {
    const angle = (index >> 1) / count
    return index & 1 ? y + halfHeight * sinTurns(angle) : x + halfWidth * cosTurns(angle)
  })
}

/** A box with rounded corners; `roundness` is the radius as a share of the half sides. */
function rounded(x: number, y: number, halfWidth: number, halfHeight: number, roundness: number): Contour {
  const steps = 5
  const points: number[] = []
  for (let corner = 0; corner < 4; corner++) {
    const sideX = corner === 0 || corner === 3 ? 1 : -1
    const sideY = corner < 2 ? 1 : -1
    for (let step = 0; step < steps; step++) {
      const angle = (corner + step / (steps - 1)) / 4
      points.push(x + halfWidth * (sideX * (1 - roundness) + roundness * cosTurns(angle)))
      points.push(y + halfHeight * (sideY * (1 - roundness) + roundness * sinTurns(angle)))
    }
  }
  return Float64Array.from(points)
}

/** A bar that hangs from a joint, turned by `turns`. */
function limb(joint: readonly [number, number], length: number, thickness: number, turns: number): Contour {
  const bar = rounded(0, length / 2, thickness / 2, length / 2 + thickness * 0.2, 0.6)
  const cos = cosTurns(turns)
  const sin = sinTurns(turns)
  return bar.map((_, index) => {
    const x = bar[index & ~1] ?? 0
    const y = bar[index | 1] ?? 0
    return index & 1 ? joint[1] + sin * x + cos * y : joint[0] + cos * x - sin * y
  })
}

/** In the direction of all other contours, so that it unites with them. */
function oriented(contour: Contour): Contour {
  let area = 0
  for (let index = 0; index < contour.length; index += 2) {
    const next = (index + 2) % contour.length
    area += (contour[index] ?? 0) * (contour[next + 1] ?? 0) - (contour[next] ?? 0) * (contour[index + 1] ?? 0)
  }
  return area < 0 ? reversed(contour) : contour
}

function reversed(contour: Contour): Contour {
  const last = contour.length - 2
  return contour.map((_, index) => contour[last - (index & ~1) + (index & 1)] ?? 0)
}
