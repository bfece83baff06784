// Writes checkpoints as the output's name says, whole or not at all.

import { extname } from 'node:path'
import {
  anchorsKey,
  type Checkpoint,
  isTensor,
  type MetaValue,
  safetensorsChunks,
  torchZipChunks,
  type WritableValue,
} from 'siamrpn/formats'
import { UsageError } from '../../errors.ts'
import { pendingFile } from '../../frames/atomic.ts'

/** How a file of torch.save is laid out. */
export type Layout = 'mmtracking' | 'bare'

/** What can be written. */
export type Contents = Pick<Checkpoint, 'stateDict' | 'meta' | 'optimizer' | 'anchors'>

const torchExtensions: readonly string[] = ['.pth', '.pt', '.model']
const expectedExtensions = ['.safetensors', ...torchExtensions].join(', ')

function isSafetensors(path: string): boolean {
  return extname(path).toLowerCase() === '.safetensors'
}

/** @throws UsageError for an extension that says nothing, or a layout where there is none to choose */
export function checkOutput(path: string, layout: Layout | undefined): void {
  const extension = extname(path).toLowerCase()
  if (isSafetensors(path)) {
    if (layout) throw new UsageError(`${path} has one layout only, --layout is for files of torch.save`)
  } else if (!torchExtensions.includes(extension)) {
    throw new UsageError(`cannot write ${path}: the name ends in '${extension}', expected one of ${expectedExtensions}`)
  }
}

/** Whether the output has a place for the optimizer's state. */
export function keepsOptimizer(path: string, layout?: Layout): boolean {
  return layout !== 'bare' && !isSafetensors(path)
}

/**
 * The file's bytes in chunks. The anchors that the weights were trained with are noted where the layout has a place for it:
 * under `meta`, or in the metadata of safetensors.
 * @throws UsageError as `checkOutput`, and for pysot's anchors in a bare layout, which would lose them
 */
export function checkpointChunks(path: string, contents: Contents, layout?: Layout): Iterable<Uint8Array> {
  checkOutput(path, layout)
  const { stateDict, optimizer, anchors } = contents
  const meta = { ...contents.meta, [anchorsKey]: anchors }
  if (isSafetensors(path)) return safetensorsChunks(stateDict, asTexts(meta))
  if (layout !== 'bare') {
    const state = optimizer ? { optimizer: optimizer as ReadonlyMap<WritableValue, WritableValue> } : {}
    return torchZipChunks({ meta, state_dict: stateDict, ...state })
  }
  if (anchors === 'mmtracking') return torchZipChunks(stateDict)
  throw new UsageError(
    "a bare layout cannot say that the weights need pysot's anchors: take --layout mmtracking, or .safetensors",
  )
}

/** Metadata of safetensors are texts: what is none becomes JSON, tensors and bytes are left out. */
function asTexts(meta: { readonly [key: string]: MetaValue }): Record<string, string> {
  const plain = (_: string, value: unknown) => {
    if (typeof value === 'bigint') return String(value)
    return value instanceof Uint8Array || isTensor(value) ? undefined : value
  }
  const entries = Object.entries(meta).map(
    ([key, value]) =>
      [key, typeof value === 'string' ? value : (JSON.stringify(value, plain) as string | undefined)] as const,
  )
  return Object.fromEntries(entries.flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])))
}

export interface WriteOptions {
  readonly signal: AbortSignal
  /** Told of the bytes written so far. */
  readonly onProgress: (bytes: number) => void
}

/**
 * Writes the chunks; the file appears when it is complete. Returns its size.
 * @throws OutputError; AbortError if the signal is raised. Then there is no file, or still the old one
 */
export async function writeChunks(
  path: string,
  chunks: Iterable<Uint8Array>,
  { signal, onProgress }: WriteOptions,
): Promise<number> {
  const file = await pendingFile(path)
  let bytes = 0
  try {
    for (const chunk of chunks) {
      signal.throwIfAborted()
      await file.write(chunk)
      bytes += chunk.length
      onProgress(bytes)
    }
    await file.commit()
    return bytes
  } finally {
    await file.discard()
  }
}
