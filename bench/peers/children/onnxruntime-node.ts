// onnxruntime-node with its WebGPU execution provider, which brings a Dawn of its own.

import { contend } from '../contend.ts'
import { type Onnx, onnxFrame } from '../onnxruntime.ts'

const name: string = 'onnxruntime-node'

await contend(async ({ file }, inputs) => {
  const loaded: Onnx & { readonly default?: Onnx } = await import(name)
  const onnx = loaded.default ?? loaded
  const session = await onnx.InferenceSession.create(file, {
    executionProviders: ['webgpu'],
    logSeverityLevel: 3,
  })
  return onnxFrame(onnx, session, inputs)
})
