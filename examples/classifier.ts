// A small convolutional classifier, trained from nothing on shapes that it draws. Run it: npx tsx examples/classifier.ts

import { fileURLToPath } from 'node:url'
import { Random } from 'siamrpn'
import { capture, type Device, openDevice } from 'siamrpn/gpu'
import { softmaxCrossEntropy } from 'siamrpn/kernels'
import { kaiming, Optimizer, ops, Parameter, Tape, type Tensor } from 'siamrpn/nn'
import { classCount, drawBatch, imageSize } from './shapes.ts'

const batchSize = 64
const learningRate = 1e-2
const random = new Random('classifier')

/** A layer's weights, random, and its bias, zero. @param shape PyTorch's: `[O, I, kh, kw]` or `[O, I]` */
function layer(device: Device, name: string, shape: readonly [number, ...number[]]) {
  const values = new Float32Array(shape.reduce((product, size) => product * size))
  kaiming(values, shape, random)
  const bias = { name: `${name}.bias`, shape: [shape[0]], values: new Float32Array(shape[0]) }
  return { weight: new Parameter(device, { name: `${name}.weight`, shape, values }), bias: new Parameter(device, bias) }
}

/** Trains, then names 256 new images. @returns the part of them that it names rightly */
export async function trainClassifier(device: Device, steps: number, onStep = (_step: number, _loss: number) => {}) {
  const convs = [layer(device, 'conv1', [16, 1, 3, 3]), layer(device, 'conv2', [32, 16, 3, 3])]
  convs.push(layer(device, 'conv3', [32, 32, 3, 3]))
  const last = layer(device, 'linear', [classCount, 32])
  const images = device.empty([batchSize, imageSize, imageSize, 1], 'f32', 'images')
  const labels = device.empty([batchSize], 'f32', 'labels')

  const network = (tape: Tape): Tensor => {
    const use = (parameter: Parameter) => tape.parameter(parameter, true)
    let x = tape.constant(images)
    for (const { weight, bias } of convs) {
      const inputs = { input: x, filter: { parameter: weight, tensor: use(weight) }, bias: use(bias) }
      x = ops.relu(tape, ops.conv2d(tape, inputs, { stride: 2, padding: 1 }))
    }
    const filter = { parameter: last.weight, tensor: use(last.weight) }
    return ops.linear(tape, { input: ops.globalAveragePool(tape, x), filter, bias: use(last.bias) })
  }
  const settings = { type: 'AdamW', lr: learningRate, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 1e-4 } as const
  const optimizer = new Optimizer(device, settings)
  optimizer.prepare([...convs, last].flatMap(({ weight, bias }) => [weight, bias]))
  const step = await capture(device, (recorder) => {
    const tape = new Tape(recorder)
    const logits = network(tape)
    const loss = ops.loss(tape, logits, softmaxCrossEntropy(recorder, { logits: logits.data, labels }))
    const updates = [...tape.backward(loss).parameters].map(([parameter, gradient]) => ({ parameter, gradient }))
    return { loss: loss.data, norm: optimizer.record(recorder, updates) }
  })
  for (let k = 0; k < steps; k++) {
    const batch = drawBatch(random, batchSize)
    device.write(images, batch.images)
    device.write(labels, batch.labels)
    optimizer.begin([learningRate * (1 - k / steps)])
    step.run()
    onStep(k, (await device.readF32(step.result.loss))[0] ?? Number.NaN)
  }

  const answer = await capture(device, (recorder) => network(new Tape(recorder)).data)
  let right = 0
  for (let k = 0; k < 256 / batchSize; k++) {
    const batch = drawBatch(random, batchSize)
    device.write(images, batch.images)
    answer.run()
    const logits = await device.readF32(answer.result)
    const rows = Array.from(batch.labels, (_, n) => logits.subarray(n * classCount, (n + 1) * classCount))
    right += rows.filter((row, n) => row.indexOf(Math.max(...row)) === batch.labels[n]).length
  }
  return right / 256
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const device = await openDevice()
  const show = (k: number, loss: number) => k % 20 === 0 && console.log(`step ${k}: loss ${loss.toFixed(3)}`)
  console.log(`${(100 * (await trainClassifier(device, 300, show))).toFixed(1)} % of new images named rightly`)
  await device.close()
}
