// The moving average of a model's weights, on the device: what evaluations and checkpoints have, while training goes on from
// the weights themselves. Running statistics are averaged likewise. Early steps count more, so that the first weights are
// forgotten.
// Sources: mmdet/core/hook/ema.py; EMAHook of mmcv/runner/hooks/ema.py; Polyak and Juditsky, SIAM J. Control Optim. 1992.

import { CheckpointError } from '../formats/errors.ts'
import { fromFloat32, type StateDict, toFloat32, toTypedArray } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { capture, type Program } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { accumulateGradient } from '../kernels/optimizer.ts'
import type { Parameter } from '../nn/parameter.ts'
import type { Config, CustomHookConfig } from '../siamrpn/config.ts'
import type { TrainableSiamRPN } from '../siamrpn/trainable.ts'
import { epochMode } from '../siamrpn/training-mode.ts'

/** What is averaged: a parameter, or anything of its kind. */
export type Averaged = Pick<Parameter, 'name' | 'shape' | 'data' | 'toPyTorch' | 'fromPyTorch'>

/** Names in a checkpoint of what only training needs: how many steps went in, and the weights that are not averaged. */
const stepKey = 'average.step'
const currentKey = (name: string) => `${name}.current`

/** How much the weights after a step count in the average, if they are taken in. @param step from 0 */
export function averageMomentum(config: CustomHookConfig, step: number): number {
  const { momentum, interval = 1 } = config
  if (config.type === 'ExpMomentumEMAHook') return (1 - momentum) * Math.exp(-(1 + step) / config.total_iter) + momentum
  return Math.min(momentum ** interval, (1 + step) / (config.warm_up + step))
}

/** Whether the weights after a step are taken in: mmdet counts steps from 1, mmcv from 0. @param step from 0 */
export function averagesAfter({ type, interval = 1 }: CustomHookConfig, step: number): boolean {
  return (type === 'EMAHook' ? step : step + 1) % interval === 0
}

/** Whether running statistics are averaged, too. */
export function averagesStatistics(config: CustomHookConfig): boolean {
  return config.type !== 'EMAHook' && !config.skip_buffers
}

/** What changes in training: parameters that some epoch trains, statistics that some epoch updates. */
export function averaged(model: TrainableSiamRPN, config: Config, hook: CustomHookConfig, epochs: number): Averaged[] {
  const modes = Array.from({ length: epochs }, (_, epoch) => epochMode(config, epoch))
  const same = (values: Float32Array) => values
  const statistics = averagesStatistics(hook)
    ? model.statistics.filter(({ norm }) => modes.some((mode) => mode.usesBatch(norm)))
    : []
  return [
    ...model.parameters.filter(({ name }) => modes.some((mode) => mode.trains(name))),
    ...statistics.flatMap(({ tensors }) => tensors.map((each) => ({ ...each, toPyTorch: same, fromPyTorch: same }))),
  ]
}

export class MovingAverage {
  readonly #device: Device
  readonly #config: CustomHookConfig
  readonly #pairs: readonly { readonly source: Averaged; readonly average: GpuTensor }[]
  /** `[2]`: the factors of the average and of the weights. */
  readonly #scalars: GpuTensor
  #step = 0
  #program: Program<unknown> | undefined

  /** Begins with the weights as they are. @throws OutOfMemoryError */
  constructor(device: Device, config: CustomHookConfig, sources: readonly Averaged[]) {
    this.#device = device
    this.#config = config
    this.#scalars = device.empty([2], 'f32', 'moving average')
    this.#pairs = sources.map((source) => {
      const average = device.empty(source.data.shape, 'f32', `${source.name}.average`)
      device.copy(source.data, average)
      return { source, average }
    })
  }

  /** Makes the program; needed before `update`. @throws ShaderError */
  async prepare(): Promise<void> {
    this.#program ??= await capture(
      this.#device,
      (r) => {
        for (const { source, average } of this.#pairs) {
          const label = `${source.name}.average`
          accumulateGradient(r, { sum: average, gradient: source.data, scalars: this.#scalars, label })
        }
      },
      { label: 'moving average' },
    )
  }

  /** Takes the weights in, as they are after what has been submitted. */
  update(): void {
    const step = this.#step++
    if (!averagesAfter(this.#config, step)) return
    const momentum = averageMomentum(this.#config, step)
    this.#device.write(this.#scalars, Float32Array.of(1 - momentum, momentum))
    this.#program?.run()
  }

  /** The averages by name, in PyTorch's layout. */
  async averages(): Promise<StateDict> {
    return await this.#read(
      (name) => name,
      ({ average }) => average,
    )
  }

  /** What training needs to go on beside the averages: the weights themselves, and how many steps went in. */
  async state(): Promise<StateDict> {
    const state = await this.#read(currentKey, ({ source }) => source.data)
    const count = BigInt64Array.of(BigInt(this.#step))
    return state.set(stepKey, { dtype: 'i64', shape: [], data: new Uint8Array(count.buffer) })
  }

  /**
   * Continues from a model whose weights are averages, and which has been loaded already.
   * @param state as `state` gave it; absent: the weights begin at the averages
   * @throws CheckpointError for a weight of another shape
   */
  load(state: StateDict | undefined): void {
    const step = state?.get(stepKey)
    this.#step = step ? Number(toTypedArray(step)[0]) : 0
    for (const { source, average } of this.#pairs) {
      this.#device.copy(source.data, average)
      const current = state?.get(currentKey(source.name))
      if (!current) continue
      if (current.shape.join() !== source.shape.join()) {
        const found = `\`${currentKey(source.name)}\` is [${current.shape}]`
        throw new CheckpointError(`State of training: ${found}, expected [${source.shape}]`)
      }
      this.#device.write(source.data, source.fromPyTorch(toFloat32(current)))
    }
  }

  release(): void {
    this.#program?.destroy()
    for (const { average } of this.#pairs) this.#device.release(average)
    this.#device.release(this.#scalars)
  }

  async #read(
    nameOf: (name: string) => string,
    tensorOf: (pair: { readonly source: Averaged; readonly average: GpuTensor }) => GpuTensor,
  ): Promise<StateDict> {
    const found: StateDict = new Map()
    for (const pair of this.#pairs) {
      const { name, shape } = pair.source
      found.set(nameOf(name), fromFloat32(pair.source.toPyTorch(await this.#device.readF32(tensorOf(pair))), shape))
    }
    return found
  }
}
