// What both builds of ONNX Runtime have in common.

import type { InputTensor, RunFrame } from './contend.ts'

interface OnnxTensor {
  readonly data: Float32Array
}

interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<'cls' | 'bbox', OnnxTensor>>>
}

/** The part of ONNX Runtime's interface that is used here. */
export interface Onnx {
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OnnxSession>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OnnxTensor
  readonly env: { logLevel?: string; readonly wasm: { numThreads?: number; wasmPaths?: string } }
}

/** Frames of a session; the upload of the inputs and the read-back are part of each. */
export function onnxFrame(onnx: Onnx, session: OnnxSession, inputs: ReadonlyMap<string, InputTensor>): RunFrame {
  const feeds = Object.fromEntries(
    [...inputs]
      .filter(([name]) => name === 'search' || name.includes('_kernel'))
      .map(([name, { data, shape }]) => [name, new onnx.Tensor('float32', data, shape)]),
  )
  return async () => {
    const { cls, bbox } = await session.run(feeds)
    return { cls: cls.data, bbox: bbox.data }
  }
}
