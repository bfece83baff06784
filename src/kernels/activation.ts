// The activations that kernels apply to what they write: clamping at zero, and at six for ReLU6. Shaders know an activation
// by its upper bound, `ACTIVATION_MAX` or `activation_max`, where 0 stands for no activation.

/** What follows a sum: nothing, `max(x, 0)`, or `min(max(x, 0), 6)`. */
export type Activation = 'none' | 'relu' | 'relu6'

/** The activations that change their input. */
export type Rectifier = Exclude<Activation, 'none'>

const upperBounds: Readonly<Record<Activation, number>> = { none: 0, relu: 3.4028234663852886e38, relu6: 6 }

/** The shaders' upper bound; for a ReLU the largest f32. */
export function activationMax(activation: Activation): number {
  return upperBounds[activation]
}
