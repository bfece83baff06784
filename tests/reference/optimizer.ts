// Optimizer steps in float64: torch.optim.SGD, torch.optim.AdamW and clip_grad_norm_, written as their documentation states them.

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
  step: number
}

export function slot(value: ArrayLike<number>): Slot {
  return {
    value: Float64Array.from(value),
    first: new Float64Array(value.length),
    second: new Float64Array(value.length),
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
}

export function adamW(state: Slot, gradient: ArrayLike<number>, settings: AdamWSettings, clip = 1): void {
  const { lr, betas, eps, weightDecay } = settings
  const step = ++state.step
  for (let i = 0; i < state.value.length; i++) {
    const g = clip * gradient[i]!
    state.first[i] = betas[0] * state.first[i]! + (1 - betas[0]) * g
    state.second[i] = betas[1] * state.second[i]! + (1 - betas[1]) * g * g
    const mean = state.first[i]! / (1 - betas[0] ** step)
    const square = state.second[i]! / (1 - betas[1] ** step)
    state.value[i] = state.value[i]! * (1 - lr * weightDecay) - (lr * mean) / (Math.sqrt(square) + eps)
  }
}

export function gradientNorm(gradients: readonly ArrayLike<number>[]): number {
  let sum = 0
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i]! ** 2
  return Math.sqrt(sum)
}
