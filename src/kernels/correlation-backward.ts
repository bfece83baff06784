// Gradient of the depthwise cross-correlation with respect to both of its inputs, sample by sample:
//   dx = full correlation of the gradient with the kernel;  dk = correlation of the input with the gradient as its kernel.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { chooseCorrelation, depthwiseCorrelation } from './correlation.ts'
import { expectShape, type ImageShape, imageShape, kernel as kernelSpec, linearGrid } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

export interface DepthwiseCorrelationBackwardArgs {
  /** Of the output, `[N, H - kh + 1, W - kw + 1, C]`. */
  readonly gradient: GpuTensor
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[N, kh, kw, C]` */
  readonly kernel: GpuTensor
  readonly label?: string
}

export interface DepthwiseCorrelationGradients {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[N, kh, kw, C]` */
  readonly kernel: GpuTensor
}

/** Gradient of `depthwiseCorrelation`. @throws ShapeError if the shapes are not those of one correlation */
export function depthwiseCorrelationBackward(
  r: Recorder,
  args: DepthwiseCorrelationBackwardArgs,
): DepthwiseCorrelationGradients {
  const { gradient, input, kernel, label = 'depthwiseCorrelationBackward' } = args
  const x = imageShape('depthwiseCorrelationBackward', input)
  const k = imageShape('depthwiseCorrelationBackward', kernel)
  if (k.batch !== x.batch || k.channels !== x.channels || k.height > x.height || k.width > x.width) {
    throw new ShapeError(
      `depthwiseCorrelationBackward: kernel \`${kernel.label}\` [${kernel.shape}] does not fit input ` +
        `\`${input.label}\` [${input.shape}]`,
    )
  }
  expectShape('depthwiseCorrelationBackward', gradient, [
    x.batch,
    x.height - k.height + 1,
    x.width - k.width + 1,
    x.channels,
  ])
  return {
    input: inputGradient(r, { gradient, input, kernel, label }, k),
    kernel: depthwiseCorrelation(r, { input, kernel: gradient, label }),
  }
}

function inputGradient(r: Recorder, args: Required<DepthwiseCorrelationBackwardArgs>, k: ImageShape): GpuTensor {
  const { gradient, kernel, label } = args
  const { height, width, channels } = imageShape('depthwiseCorrelationBackward', gradient)
  const problem = { height, width, channels, kernelHeight: k.height, kernelWidth: k.width, full: true }
  const plan = chooseCorrelation(r.adapter, problem)
  const output = r.alloc(args.input.shape, 'f32', `${label} input`)
  for (const slice of batchSlices(r.adapter, [gradient, kernel, output])) {
    const parts = { input: sliceOf(gradient, slice), kernel: sliceOf(kernel, slice), output: sliceOf(output, slice) }
    const count = plan.invocationsPerSample * slice.count
    r.dispatch({
      kernel: kernelSpec(plan.shader, plan.constants),
      label,
      workgroups: linearGrid(r.adapter, count, plan.constants.WORKGROUP),
      bindings: { ...parts, params: { count, ...plan.params } },
      flops: 2 * parts.input.size * k.height * k.width,
      bytes: parts.input.bytes + parts.kernel.bytes + parts.output.bytes,
    })
  }
  return output
}
