// onnxruntime-web with its WebGPU execution provider on Dawn. Build `webgpu`: kernels in C++, compiled to WebAssembly; build
// `all`: the older ones in TypeScript.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import '../../dawn.ts'
import { contend } from '../contend.ts'
import { type Onnx, onnxFrame } from '../onnxruntime.ts'

await contend(async ({ file, options }, inputs) => {
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
  const loaded: Onnx & { readonly default?: Onnx } = await import(
    pathToFileURL(join(folder, `ort.${options.build}.mjs`)).href
  )
  const onnx = loaded.default ?? loaded
  onnx.env.wasm.numThreads = 1
  onnx.env.wasm.wasmPaths = `${pathToFileURL(folder).href}/`
  onnx.env.logLevel = 'error'
  const session = await onnx.InferenceSession.create(await readFile(file), { executionProviders: ['webgpu'] })
  return onnxFrame(onnx, session, inputs)
})
