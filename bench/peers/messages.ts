// What a contender's process is asked and what it answers.

export interface PeerRequest {
  /** Safetensors with the inputs and, once we have run, our outputs. */
  readonly tensors: string
  /** Model of the golden data. */
  readonly model: string
  /** The same as an ONNX file, for those that read one. */
  readonly file: string
  readonly options: Readonly<Record<string, string>>
}

export type PeerMessage =
  /** Ready for the first frame, milliseconds after the start. */
  | { readonly kind: 'loaded'; readonly ms: number }
  | { readonly kind: 'frame'; readonly ms: number; readonly cpuMs: number; readonly first: boolean }
  /** Largest difference over largest magnitude of what it is compared with. */
  | { readonly kind: 'error'; readonly cls: number; readonly bbox: number }
