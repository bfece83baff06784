// Casts the actors of a clip: the target, things that resemble it, things that hide it, and the clutter of the place.

import type { Random } from 'siamrpn'
import type { Actor } from './actor.ts'
import type { Look } from './canvas.ts'
import type { Rgb } from './color.ts'
import { makeOutline, makeStill, type Outline, plainBox } from './outline.ts'
import { groundPalette, meanColor, objectPalette, type Palette, shifted } from './palette.ts'
import { type LazySurface, makeSurface } from './surface.ts'
import { fixed, journey, swelling, type Track, through, wandering } from './track.ts'

/** What the cast is drawn for. */
export interface Setting {
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly ground: Palette
}

/** The target, with what its look-alikes need to know. */
export interface Target extends Actor {
  readonly palette: Palette
  /** Half of the geometric mean of its sides in the middle of its range, in pixels. */
  readonly nominal: number
  readonly nominalAspect: number
  /** Where its surface lies on it, which changes if it rolls. */
  readonly rollX: Track
  readonly rollY: Track
}

const smallest = 9
const largestShare = 0.3
const lowContrast = 0.15

/** Draws the target. */
export function makeTarget(random: Random, setting: Setting): Target {
  const { frames, width, height } = setting
  const largest = largestShare * Math.min(width, height)
  const nominal = smallest * powerOf(largest / smallest, random.uniform(0.05, 0.95))
  const nominalAspect = ratio(random, 1.75)
  const spacing = random.pick([5, 9, 14, 20, 30])
  const palette = visiblePalette(random, setting.ground)
  const inPlane = random.next()
  const spin = random.next() < 0.12 ? random.uniform(-1, 1) / 60 : 0
  const sway = wandering(random, { range: [-0.5, 0.5], spacing: spacing + 6, step: 0.5, frames })
  const swayed = inPlane < 0.3 ? 0 : inPlane < 0.85 ? random.uniform(0.02, 0.15) : random.uniform(0.15, 0.5)
  const start = random.next() < 0.75 ? 0 : random.next()
  const pace = nominal * random.pick([0.02, 0.05, 0.1, 0.18, 0.3])
  const way = journey(random, {
    width,
    height,
    margin: nominal * Math.max(nominalAspect, 1 / nominalAspect),
    speed: pace,
    spacing,
    inertia: random.uniform(0, 0.9),
    pause: random.next() < 0.3 ? 0.35 : 0.03,
    frames,
  })
  const growth = swelling(random, random.uniform(1.05, 1.7), { spacing: spacing + 8, step: 0.5, frames })
  const stretch = swelling(random, random.next() < 0.3 ? 1.01 : random.uniform(1.05, 1.35), {
    spacing: spacing + 4,
    step: 0.5,
    frames,
  })
  const leaning = random.next() < 0.5 ? 0 : random.uniform(0.05, 0.25)
  return {
    outline: makeOutline(random),
    surface: makeSurface(random, palette),
    look: makeLook(random),
    inWorld: false,
    ...way,
    size: (time) => Math.max(smallest * 0.8, Math.min(largest * 1.15, nominal * growth(time))),
    aspect: (time) => nominalAspect * stretch(time),
    turn: (time) => start + spin * time + swayed * sway(time),
    shear: wandering(random, { range: [-leaning, leaning], spacing: spacing + 9, step: 0.4, frames }),
    keystone: wandering(random, { range: [-leaning, leaning], spacing: spacing + 9, step: 0.4, frames }),
    palette,
    nominal,
    nominalAspect,
    ...rolling(random, frames),
  }
}

/** Few things roll, so that other parts of their surface come into sight. */
function rolling(random: Random, frames: number): { readonly rollX: Track; readonly rollY: Track } {
  if (random.next() < 0.75) return { rollX: fixed(0), rollY: fixed(0) }
  const reach = random.uniform(0.1, 0.8)
  const walk = () => wandering(random, { range: [-reach, reach], spacing: 20, step: 0.4, frames })
  return { rollX: walk(), rollY: walk() }
}

/** A thing that shares outline, colors or pattern with the target, or only its size. */
export function makeDistractor(random: Random, setting: Setting, target: Target): Actor {
  const kind = random.next()
  const outline = kind < 0.55 ? target.outline : makeOutline(random)
  const palette = kind < 0.4 || random.next() < 0.5 ? shifted(target.palette, random, 0.22) : objectPalette(random)
  const size = target.nominal * random.uniform(0.65, 1.4)
  const aspect = target.nominalAspect * ratio(random, 1.25)
  const spacing = random.pick([8, 14, 22])
  const { width, height, frames } = setting
  const way = journey(random, {
    width,
    height,
    margin: -0.5 * size,
    speed: size * random.pick([0.02, 0.06, 0.12]),
    spacing,
    inertia: random.uniform(0, 0.9),
    pause: 0.1,
    frames,
  })
  return {
    outline,
    surface: makeSurface(random, palette),
    look: makeLook(random),
    inWorld: false,
    ...way,
    size: fixed(size),
    aspect: fixed(aspect),
    turn: wandering(random, { range: [-0.08, 0.08], spacing: spacing + 8, step: 0.4, frames }),
    shear: fixed(0),
    keystone: fixed(0),
  }
}

/** Something that passes in front of the target at frame `moment`, where the target then is. */
export function makeOccluder(random: Random, setting: Setting, target: Target, moment: number): Actor {
  const { height } = setting
  const pillar = random.next() < 0.4
  const speed = target.nominal * random.uniform(0.15, 0.5) * (random.next() < 0.5 ? -1 : 1)
  const rise = pillar ? 0 : speed * random.uniform(-0.7, 0.7)
  const reach = target.nominal * 0.6
  const x = target.x(moment) + random.uniform(-reach, reach)
  const y = pillar ? height / 2 : target.y(moment) + random.uniform(-reach, reach)
  const half = target.nominal * random.uniform(0.25, 0.95)
  const size = pillar ? Math.sqrt(half * 0.6 * height) : half
  return {
    outline: pillar ? plainBox : makeStill(random),
    surface: makeSurface(random, random.next() < 0.6 ? groundPalette(random) : objectPalette(random)),
    look: makeLook(random),
    inWorld: false,
    x: (time) => x + speed * (time - moment),
    y: (time) => y + rise * (time - moment),
    size: fixed(size),
    aspect: fixed(pillar ? Math.sqrt((half * 0.6) / height) : ratio(random, 1.8)),
    turn: fixed(pillar ? random.uniform(-0.02, 0.02) : random.next()),
    shear: fixed(0),
    keystone: fixed(0),
  }
}

/** Things that stand about in the world, the large ones first. */
export function makeClutter(random: Random, setting: Setting, target: Target): readonly Actor[] {
  const count = random.pick([0, 3, 8, 15, 25, 40])
  if (count === 0) return []
  const camouflage = random.next() < 0.3
  const surfaces = Array.from({ length: 2 + random.integer(3) }, (): LazySurface => {
    const source = random.next()
    if (camouflage && source < 0.5) return makeSurface(random, shifted(target.palette, random, 0.15))
    return makeSurface(random, source < 0.6 ? shifted(setting.ground, random, 0.25) : objectPalette(random))
  })
  const outlines = Array.from({ length: 3 + random.integer(4) }, (): Outline => makeStill(random))
  const upright = random.next() < 0.6
  const largest = random.uniform(20, 100)
  const sizes = Array.from({ length: count }, () => 3 * powerOf(largest / 3, random.next())).sort((a, b) => b - a)
  const [first] = surfaces
  const [shape] = outlines
  if (first === undefined || shape === undefined) return []
  return sizes.map((size) => ({
    outline: random.pick([shape, ...outlines]),
    surface: random.pick([first, ...surfaces]),
    look: makeLook(random),
    inWorld: true,
    x: fixed(random.uniform(-0.9, 0.9) * setting.width),
    y: fixed(random.uniform(-0.9, 0.9) * setting.height),
    size: fixed(size),
    aspect: fixed(ratio(random, 2)),
    turn: fixed(upright ? 0 : random.next()),
    shear: fixed(0),
    keystone: fixed(0),
  }))
}

/** A large dark area that passes over the picture: its centre and half size. */
export interface Shadow {
  readonly outline: Outline
  readonly x: Track
  readonly y: Track
  readonly size: number
  readonly factor: number
}

/** Draws a shadow that crosses the picture. */
export function makeShadow(random: Random, { width, height, frames }: Setting): Shadow {
  const spacing = Math.max(4, frames / 2)
  const cross = (extent: number) =>
    through(
      Array.from({ length: 5 }, () => random.uniform(-0.3, 1.3) * extent),
      spacing,
    )
  return {
    outline: makeStill(random),
    x: cross(width),
    y: cross(height),
    size: random.uniform(0.2, 0.7) * Math.max(width, height),
    factor: random.uniform(0.45, 0.8),
  }
}

function makeLook(random: Random): Look {
  const shaded = random.next() < 0.75 ? 0.3 : 0
  return {
    alpha: random.next() < 0.88 ? 1 : random.uniform(0.7, 0.97),
    slope: [random.uniform(-shaded, shaded), random.uniform(-shaded, shaded)],
    rim: random.next() < 0.5 ? 0 : random.uniform(0, 0.3),
    shine: random.next() < 0.25 ? random.uniform(0.1, 0.5) : 0,
    spot: [random.uniform(-0.6, 0.6), random.uniform(-0.6, 0.2)],
    offset: [0, 0],
  }
}

/** Colors that can be told from the ground, if only just. */
function visiblePalette(random: Random, ground: Palette): Palette {
  const background = meanColor(ground)
  const akin = random.next() < 0.15
  for (let attempt = 0; attempt < 8; attempt++) {
    const palette = akin ? shifted(ground, random, 0.3) : objectPalette(random)
    if (distance(meanColor(palette), background) > lowContrast) return palette
  }
  return background[0] + background[1] + background[2] > 1.5
    ? [
        [0.1, 0.1, 0.12],
        [0.3, 0.2, 0.2],
      ]
    : [
        [0.9, 0.9, 0.85],
        [0.7, 0.75, 0.8],
      ]
}

function distance(a: Rgb, b: Rgb): number {
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]), Math.abs(a[2] - b[2]))
}

/** Between 1 / most and most. */
function ratio(random: Random, most: number): number {
  const value = 1 + (most - 1) * random.next() * random.next()
  return random.next() < 0.5 ? value : 1 / value
}

/** base ** exponent for an exponent in 0..1, by square roots: `Math.pow` may differ between engines. */
function powerOf(base: number, exponent: number): number {
  let result = 1
  let root = base
  let rest = exponent
  for (let bit = 0; bit < 20; bit++) {
    root = Math.sqrt(root)
    rest *= 2
    if (rest >= 1) {
      rest -= 1
      result *= root
    }
  }
  return result
}
