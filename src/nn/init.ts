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

/** Normal with variance `2 / fanOut`, which keeps gradients' sizes behind ReLUs: mmcv's `kaiming_init`. */
export function kaimingNormal(values: Float32Array, shape: FilterShape, random: InitDraws): void {
  const scale = Math.sqrt(2 / fans(shape).fanOut)
  for (let i = 0; i < values.length; i++) values[i] = scale * random.normal()
}

export interface XavierOptions {
  readonly gain: number
  readonly distribution: 'normal' | 'uniform'
}

/** Variance `2 gain^2 / (fanIn + fanOut)`: mmcv's `xavier_init`. */
export function xavier(values: Float32Array, shape: FilterShape, random: InitDraws, options: XavierOptions): void {
  const { fanIn, fanOut } = fans(shape)
  const deviation = options.gain * Math.sqrt(2 / (fanIn + fanOut))
  const bound = deviation * Math.sqrt(3)
  const draw = () => (options.distribution === 'normal' ? deviation * random.normal() : random.uniform(-bound, bound))
  for (let i = 0; i < values.length; i++) values[i] = draw()
}

/** Uniform within `1 / sqrt(fanIn)`, filters and biases alike: PyTorch's `Conv2d.reset_parameters`. */
export function resetParameters(values: Float32Array, fanIn: number, random: InitDraws): void {
  const bound = 1 / Math.sqrt(fanIn)
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(-bound, bound)
}
