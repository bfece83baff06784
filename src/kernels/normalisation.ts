// The normalisation that kernels which make network input apply to pixels: `(pixel - mean) / std`, channel by channel.

export interface Normalisation {
  /** In the result's order of channels. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
  /** The result is red, green, blue; otherwise blue, green, red. */
  readonly toRgb: boolean
}

/** The same as a factor and a summand, for the kernels' parameters; without one, pixels stay as they are. */
export function normalisationParams(normalise: Normalisation | undefined): Record<'scale' | 'offset', number[]> {
  const { mean, std } = normalise ?? { mean: [0, 0, 0], std: [1, 1, 1] }
  return { scale: [...std.map((s) => 1 / s), 0], offset: [...std.map((s, c) => -(mean[c] ?? 0) / s), 0] }
}
