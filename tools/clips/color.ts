// Colors by hue: the palettes of generated clips begin with them.

/** Red, green, blue, 0..1. */
export type Rgb = readonly [number, number, number]

/** Hue 0..1 (wraps), saturation and value 0..1. */
export function hsv(hue: number, saturation: number, value: number): Rgb {
  const channel = (shift: number) => {
    const k = (shift + (hue - Math.floor(hue)) * 6) % 6
    return value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))
  }
  return [channel(5), channel(3), channel(1)]
}
