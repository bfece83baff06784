// Initial values of filters as the frameworks draw them, from any source of random numbers. Sources: torch.nn.init and
// Conv2d.reset_parameters of PyTorch, kaiming_init and xavier_init of mmcv; He et al., ICCV 2015; Glorot and Bengio, AISTATS 2010.

/** Where random numbers come from. */
export interface InitDraws {
  /** In [low, high). */
  uniform(low: number, high: number): number
  /** Standard normal. */
  normal(): number
}

/** `[O, I, kh, kw]`, I per group. */
export type FilterShape = readonly number[]

/** Weights that reach one output, and weights that one input reaches: `I kh kw` and `O kh kw`. */
export function fans([outputs = 1, inputs = 1, height = 1, width = 1]: FilterShape): { fanIn: number; fanOut: number } {
  return { fanIn: inputs * height * width, fanOut: outputs * height * width }
}

export interface KaimingOptions {
  readonly distribution: 'normal' | 'uniform'
  /** Whether values' sizes are kept on the way forward (`fan_in`) or gradients' on the way back. */
  readonly mode: 'fan_in' | 'fan_out'
  /** What follows the layer. */
  readonly nonlinearity: 'relu' | 'leaky_relu'
  /** Slope below zero of `leaky_relu`. */
  readonly a: number
}

/** Variance `2 / fan`, over `1 + a^2` before a leaky ReLU: mmcv's `kaiming_init`. Default: normal, fan out, a ReLU. */
export function kaiming(
  values: Float32Array,
  shape: FilterShape,
  random: InitDraws,
  { distribution = 'normal', mode = 'fan_out', nonlinearity = 'relu', a = 0 }: Partial<KaimingOptions> = {},
): void {
  const { fanIn, fanOut } = fans(shape)
  const slope = nonlinearity === 'leaky_relu' ? a : 0
  const deviation = Math.sqrt(2 / (1 + slope * slope) / (mode === 'fan_in' ? fanIn : fanOut))
  fill(values, random, distribution, deviation)
}

export interface XavierOptions {
  readonly gain: number
  readonly distribution: 'normal' | 'uniform'
}

/** Variance `2 gain^2 / (fanIn + fanOut)`: mmcv's `xavier_init`. */
export function xavier(values: Float32Array, shape: FilterShape, random: InitDraws, options: XavierOptions): void {
  const { fanIn, fanOut } = fans(shape)
  fill(values, random, options.distribution, options.gain * Math.sqrt(2 / (fanIn + fanOut)))
}

function fill(values: Float32Array, random: InitDraws, distribution: 'normal' | 'uniform', deviation: number): void {
  const bound = deviation * Math.sqrt(3)
  const draw = () => (distribution === 'normal' ? deviation * random.normal() : random.uniform(-bound, bound))
  for (let i = 0; i < values.length; i++) values[i] = draw()
}

/** Uniform within `1 / sqrt(fanIn)`, filters and biases alike: PyTorch's `Conv2d.reset_parameters`. */
export function resetParameters(values: Float32Array, fanIn: number, random: InitDraws): void {
  const bound = 1 / Math.sqrt(fanIn)
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(-bound, bound)
}
