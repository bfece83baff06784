// Fine-tuning in code: a checkpoint goes on training on frames with boxes that are in memory, by the schedule and the
// augmentation of its configuration. `npm run train` does the same with files, saves on the way, and evaluates.

import { type Config, type Corners, type Device, Random, type StateDict, TargetBuilder } from 'siamrpn'
import { Trainer, TrainPipeline } from 'siamrpn/train'

/** A frame of a clip, and where the object is in it. */
export interface LabelledFrame {
  readonly width: number
  readonly height: number
  readonly channels: 3
  /** RGB bytes, row by row. */
  readonly data: Uint8Array
  /** Frame pixels. */
  readonly box: Corners
}

export interface FineTuning {
  /** Clips of one object each, of two frames or more. */
  readonly clips: readonly (readonly LabelledFrame[])[]
  readonly steps: number
  /** Pairs of a step. */
  readonly pairs: number
  readonly seed: number
  /** A small part of the rate that the configuration trains with from the start. */
  readonly rateFactor: number
  onStep?(step: number, loss: number): void
}

/** Trains the checkpoint's weights further. @returns the new weights, for `SiamRPN.create` or `writeSafetensors` */
export async function fineTune(
  device: Device,
  config: Config,
  state: StateDict,
  options: FineTuning,
): Promise<StateDict> {
  const { clips, steps, pairs, seed, rateFactor, onStep } = options
  if (!config.train_pipeline) throw new Error('the configuration is not for training')
  const pipeline = await TrainPipeline.create(device, config.train_pipeline, pairs)
  const trainer = new Trainer({ device, config, state, images: pipeline })
  await trainer.startEpoch(0)
  const builder = new TargetBuilder(config.model)
  for (let step = 0; step < steps; step++) {
    const inputs = Array.from({ length: pairs }, (_, i) => drawPair(clips, new Random('pair', seed, step, i)))
    const batch = await pipeline.prepare(inputs)
    const samples = batch.searchBoxes.map((box, i) => {
      return { box, positive: true, random: new Random('targets', seed, step, i) }
    })
    const rates = trainer.optimizer.groups.map(({ lr }) => lr * rateFactor)
    const { losses } = await trainer.step({ ids: batch.ids, targets: builder.build(samples) }, rates)
    onStep?.(step, losses.loss)
  }
  const trained = await trainer.modelState()
  trainer.release()
  pipeline.release()
  return trained
}

/** Two frames of one clip: the template is cut from one, the search image from the other. */
function drawPair(clips: FineTuning['clips'], random: Random) {
  const clip = clips[random.integer(clips.length)] ?? []
  const [template, search] = [clip[random.integer(clip.length)], clip[random.integer(clip.length)]]
  if (!template || !search) throw new Error('there is a clip without frames')
  return { request: { id: 'in memory', template, search, positive: true }, template, search, random }
}
