// The loop of docs/training-in-code.md, word for word but for this comment and the import's path. Checked against the sources,
// against the built declarations by package.test.ts, and run by training-in-code.test.ts.
import {
  type Config,
  capture,
  type Device,
  emptyTargets,
  epochMode,
  Optimizer,
  releaseTargets,
  type StateDict,
  Tape,
  TargetBuilder,
  type TargetSample,
  TrainableSiamRPN,
  writeTargets,
} from '../../src/index.ts'

export interface Batch {
  /** `[N, z, z, 4]`, z = `exemplar_size`: blue, green, red from 0 to 255, and zero. The object is in the middle. */
  readonly template: Float32Array
  /** `[N, x, x, 4]`, x = `search_size` of `train_cfg` */
  readonly search: Float32Array
  /** By pair: the object's box in the search image, whether the template shows the same object, random choices. */
  readonly samples: readonly TargetSample[]
}

/** Trains on the batches, all of N pairs, as epoch `epoch` of the configuration does. Returns the trained weights. */
export async function train(
  device: Device,
  config: Config,
  state: StateDict,
  { batches, pairs, epoch }: { batches: AsyncIterable<Batch> | Iterable<Batch>; pairs: number; epoch: number },
  onStep: (loss: number) => void,
): Promise<StateDict> {
  if (!config.optimizer || !config.model.train_cfg) throw new Error('the configuration is not for training')
  const { exemplar_size, search_size } = config.model.train_cfg.rpn
  const images = {
    template: device.empty([pairs, exemplar_size, exemplar_size, 4], 'f32', 'template'),
    search: device.empty([pairs, search_size, search_size, 4], 'f32', 'search'),
  }
  const builder = new TargetBuilder(config.model)
  const targets = emptyTargets(device, pairs, builder.numAnchors)
  const model = new TrainableSiamRPN(device, config.model, state)
  const optimizer = new Optimizer(device, config.optimizer, config.optimizer_config?.grad_clip?.max_norm)

  // What trains, and which batch norms use the batch's statistics.
  const mode = epochMode(config, epoch)
  optimizer.prepare(model.parameters.filter(({ name }) => mode.trains(name)))

  // One step, recorded once: memory planned, kernels compiled.
  const step = await capture(device, (recorder) => {
    const tape = new Tape(recorder)
    const losses = model.forwardTrain(tape, images, targets, mode)
    const gradients = tape.backward(losses.total).parameters
    const updates = [...gradients].map(([parameter, gradient]) => ({ parameter, gradient }))
    return { loss: losses.total.data, norm: optimizer.record(recorder, updates), counts: losses.updates }
  })

  // Replayed for every batch.
  for await (const { template, search, samples } of batches) {
    device.write(images.template, template)
    device.write(images.search, search)
    writeTargets(device, targets, builder.build(samples))
    optimizer.begin(optimizer.groups.map(({ lr }) => lr))
    step.run()
    model.countBatches(step.result.counts)
    const [loss = Number.NaN] = await device.readF32(step.result.loss)
    onStep(loss)
  }

  const trained = await model.stateDict()
  step.destroy()
  optimizer.release()
  model.release()
  releaseTargets(device, targets)
  for (const image of [images.template, images.search]) device.release(image)
  return trained
}
