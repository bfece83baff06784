// The MobileNetV2 inside of a detector as mmcls's backbone of that name: its convolutions by mmcls's names, each with a batch
// norm that changes nothing but adds the bias, because the detector's are folded into its weights.
// Source: mmcls/models/backbones/mobilenet_v2.py; names of TensorFlow's object detection API (slim's mobilenet_v2).

import { fromFloat32, type StateDict } from 'siamrpn/formats'
import { PretrainedFileError } from './errors.ts'
import type { TfliteConvolution } from './tflite.ts'

/** The eps of mmcls's batch norms. */
const eps = 1e-5

/** Expansion, output channels, blocks, stride of the first block: one row per layer of mmcls's backbone. */
const layers = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const

/** A convolution that the backbone has. */
interface Expected {
  /** mmcls's, without `.conv.weight`. */
  readonly name: string
  /** TensorFlow's, what comes behind `MobilenetV2/`. */
  readonly scope: string
  readonly shape: readonly number[]
  readonly stride: number
}

/**
 * The state dict of the whole backbone, `backbone.` before each name, as mmcls's checkpoints have it.
 * @param name what messages call the file
 * @throws PretrainedFileError that names the first convolution that is missing or of another shape
 */
export function mobileNetV2(convolutions: readonly TfliteConvolution[], name: string): StateDict {
  const byScope = new Map(convolutions.map((convolution) => [scopeOf(convolution.name), convolution]))
  const state: StateDict = new Map()
  for (const { name: layer, scope, shape, stride } of backboneConvolutions()) {
    const found = byScope.get(scope)
    if (found === undefined) {
      throw new PretrainedFileError(`${name}: no convolution 'MobilenetV2/${scope}', expected those of a MobileNetV2`)
    }
    if (found.shape.join() !== shape.join() || found.stride !== stride) {
      throw new PretrainedFileError(
        `${name}: 'MobilenetV2/${scope}' has the shape [${found.shape}] and stride ${found.stride}, ` +
          `expected [${shape}] and ${stride}, a MobileNetV2 of width 1`,
      )
    }
    const channels = found.bias.length
    const constant = (value: number) => fromFloat32(new Float32Array(channels).fill(value), [channels])
    state.set(`backbone.${layer}.conv.weight`, fromFloat32(found.weight, found.shape))
    state.set(`backbone.${layer}.bn.weight`, constant(1))
    state.set(`backbone.${layer}.bn.bias`, fromFloat32(found.bias, [channels]))
    state.set(`backbone.${layer}.bn.running_mean`, constant(0))
    state.set(`backbone.${layer}.bn.running_var`, constant(1 - eps))
  }
  return state
}

/** `Conv`, `expanded_conv_3/expand` ... of the first of the fused names, without the operation; '' for what is no backbone. */
function scopeOf(name: string): string {
  return (
    /^[^;]*MobilenetV2\/((?:expanded_conv(?:_\d+)?\/(?:expand|depthwise|project))|Conv(?:_1)?)\//.exec(name)?.[1] ?? ''
  )
}

function backboneConvolutions(): Expected[] {
  const list: Expected[] = [{ name: 'conv1', scope: 'Conv', shape: [32, 3, 3, 3], stride: 2 }]
  let [channels, block] = [32, 0]
  for (const [layer, [expansion, outputs, blocks, stride]] of layers.entries()) {
    for (let k = 0; k < blocks; k++, block++) {
      const hidden = channels * expansion
      const scope = block === 0 ? 'expanded_conv' : `expanded_conv_${block}`
      const parts = [
        { part: 'expand', shape: [hidden, channels, 1, 1], stride: 1 },
        { part: 'depthwise', shape: [hidden, 1, 3, 3], stride: k === 0 ? stride : 1 },
        { part: 'project', shape: [outputs, hidden, 1, 1], stride: 1 },
      ].slice(expansion === 1 ? 1 : 0)
      for (const [index, { part, ...rest }] of parts.entries()) {
        list.push({ name: `layer${layer + 1}.${k}.conv.${index}`, scope: `${scope}/${part}`, ...rest })
      }
      channels = outputs
    }
  }
  return [...list, { name: 'conv2', scope: 'Conv_1', shape: [1280, channels, 1, 1], stride: 1 }]
}
