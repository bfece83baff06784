// Optimizer steps in float64: torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW and clip_grad_norm_, written as their documentation states them.

export interface SgdSettings {
  readonly lr: number
  readonly momentum: number
  readonly dampening: number
  readonly weightDecay: number
  readonly nesterov: boolean
}

/** A parameter with its optimizer state; `step` counts its steps so far. */
export interface Slot {
  readonly value: Float64Array
  readonly first: Float64Array
  readonly second: Float64Array
  /** The largest `second` so far (AMSGrad). */
  readonly third: Float64Array
  step: number
}

export function slot(value: ArrayLike<number>): Slot {
  return {
    value: Float64Array.from(value),
    first: new Float64Array(value.length),
    second: new Float64Array(value.length),
    third: new Float64Array(value.length),
    step: 0,
  }
}

export function sgd(state: Slot, gradient: ArrayLike<number>, settings: SgdSettings, clip = 1): void {
  const { lr, momentum, dampening, weightDecay, nesterov } = settings
  const born = state.step++ === 0
  for (let i = 0; i < state.value.length; i++) {
    let direction = clip * gradient[i]! + weightDecay * state.value[i]!
    if (momentum !== 0) {
      state.first[i] = born ? direction : momentum * state.first[i]! + (1 - dampening) * direction
      direction = nesterov ? direction + momentum * state.first[i]! : state.first[i]!
    }
    state.value[i]! -= lr * direction
  }
}

export interface AdamWSettings {
  readonly lr: number
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly weightDecay: number
  readonly amsgrad?: boolean | undefined
}

export function adam(state: Slot, gradient: ArrayLike<number>, settings: AdamWSettings, clip = 1): void {
  const { lr, betas, eps, weightDecay, amsgrad } = settings
  const step = ++state.step
  for (let i = 0; i < state.value.length; i++) {
    const g = clip * gradient[i]! + weightDecay * state.value[i]!
    state.first[i] = betas[0] * state.first[i]! + (1 - betas[0]) * g
    state.second[i] = betas[1] * state.second[i]! + (1 - betas[1]) * g * g
    state.third[i] = Math.max(state.third[i]!, state.second[i]!)
    const spread = amsgrad ? state.third[i]! : state.second[i]!
    const divisor = Math.sqrt(spread) / Math.sqrt(1 - betas[1] ** step) + eps
    state.value[i]! -= ((lr / (1 - betas[0] ** step)) * state.first[i]!) / divisor
  }
}

export function adamW(state: Slot, gradient: ArrayLike<number>, settings: AdamWSettings, clip = 1): void {
  const { lr, betas, eps, weightDecay, amsgrad } = settings
  const step = ++state.step
  for (let i = 0; i < state.value.length; i++) {
    const g = clip * gradient[i]!
    state.first[i] = betas[0] * state.first[i]! + (1 - betas[0]) * g
    state.second[i] = betas[1] * state.second[i]! + (1 - betas[1]) * g * g
    const mean = state.first[i]! / (1 - betas[0] ** step)
    state.third[i] = Math.max(state.third[i]!, state.second[i]!)
    const square = (amsgrad ? state.third[i]! : state.second[i]!) / (1 - betas[1] ** step)
    state.value[i] = state.value[i]! * (1 - lr * weightDecay) - (lr * mean) / (Math.sqrt(square) + eps)
  }
}

export function gradientNorm(gradients: readonly ArrayLike<number>[]): number {
  let sum = 0
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i]! ** 2
  return Math.sqrt(sum)
}
