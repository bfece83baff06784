// onnxruntime-node with its WebGPU execution provider, which brings a Dawn of its own.

import { contend } from '../contend.ts'
import type { Onnx } from '../onnxruntime.ts'
import { onnxFrame } from '../onnxruntime.ts'

const name: string = 'onnxruntime-node'

await contend(async ({ model }, inputs) => {
  const onnx: { default: Onnx } = await import(name)
  const session = await onnx.default.InferenceSession.create(model, {
    executionProviders: ['webgpu'],
    logSeverityLevel: 3,
  })
  return onnxFrame(onnx.default, session, inputs)
})
