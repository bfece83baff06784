// The hash generator of the golden data: weights, noise and smooth images are functions of a text key, so that the files need
// to hold only what was computed from them. FNV-1a of the key seeds a counter, murmur3's finaliser turns the counter into bits.
// Source: tests/golden/README.md, "Hash generator".

const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193
const goldenRatio = 0x9e3779b9
const twoPow32 = 2 ** 32

/** Octaves of a smooth image: lattice period in pixels and weight. */
const octaves = [
  { period: 61, weight: 0.55 },
  { period: 23, weight: 0.3 },
  { period: 7, weight: 0.15 },
] as const
const contrast = 2.2

/** FNV-1a, 32 bit, of the UTF-8 bytes of `key`. */
export function fnv1a(key: string): number {
  let hash = fnvOffset
  for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, fnvPrime)
  return hash >>> 0
}

/** Element `index` of the stream that starts at `seed`: a multiple of 2^-32 in [0, 1). */
function hashUnit(seed: number, index: number): number {
  let x = (seed + Math.imul(index, goldenRatio)) | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  x ^= x >>> 16
  return (x >>> 0) / twoPow32
}

/** The first `count` elements of the stream of `key`, as float64 in [0, 1). */
export function hashStream(key: string, count: number): Float64Array {
  const seed = fnv1a(key)
  return Float64Array.from({ length: count }, (_, i) => hashUnit(seed, i))
}

/** `count` values fround(a * u_i + b), in row-major order of the tensor that they fill (OIHW weights, NCHW images). */
export function hashTensor(key: string, count: number, a: number, b: number): Float32Array {
  const seed = fnv1a(key)
  const out = new Float32Array(count)
  for (let i = 0; i < count; i++) out[i] = a * hashUnit(seed, i) + b
  return out
}

/** White noise 255 u_i, `count` values in NCHW order, range 0..255. */
export function noiseImage(key: string, count: number): Float32Array {
  return hashTensor(key, count, 255, 0)
}

/** A smooth random image: `[height, width, 3]` bytes, channel order B, G, R. Three octaves of bilinear value noise in float64. */
export function smoothImage(key: string, height: number, width: number): Uint8Array {
  const sum = new Float64Array(height * width * 3)
  for (const [octave, { period, weight }] of octaves.entries()) {
    addOctave(sum, fnv1a(`${key}/${octave}`), { height, width, period, weight })
  }
  const image = new Uint8Array(sum.length)
  for (const [i, s] of sum.entries()) {
    image[i] = Math.floor(Math.min(255, Math.max(0, 256 * ((s - 0.5) * contrast + 0.5))))
  }
  return image
}

interface OctaveShape {
  readonly height: number
  readonly width: number
  readonly period: number
  readonly weight: number
}

function addOctave(sum: Float64Array, seed: number, { height, width, period, weight }: OctaveShape): void {
  const latticeHeight = Math.floor(height / period) + 2
  const latticeWidth = Math.floor(width / period) + 2
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      const j = Math.floor(y / period)
      const fy = (y - j * period) / period
      const row = (channel * latticeHeight + j) * latticeWidth
      for (let x = 0; x < width; x++) {
        const i = Math.floor(x / period)
        const fx = (x - i * period) / period
        const top = mix(hashUnit(seed, row + i), hashUnit(seed, row + i + 1), fx)
        const below = row + latticeWidth + i
        const bottom = mix(hashUnit(seed, below), hashUnit(seed, below + 1), fx)
        const at = (y * width + x) * 3 + channel
        sum[at] = (sum[at] ?? 0) + mix(top, bottom, fy) * weight
      }
    }
  }
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t
}
