// Any checkpoint of a SiamRPN++ tracker, from bytes to named tensors.

import {
  type Checkpoint,
  type CheckpointOptions,
  checkpointOf,
  containerOf,
  safetensorsContents,
} from './checkpoint-contents.ts'
import { CheckpointError } from './errors.ts'
import { torchContents } from './torch-checkpoint.ts'

export {
  anchorsKey,
  type Checkpoint,
  type CheckpointOptions,
  type MetaValue,
  optimizerPrefix,
} from './checkpoint-contents.ts'

/**
 * Reads a checkpoint: safetensors, or a file of torch.save (`.pth`, `.model`, ...; zip or legacy). Large tensors are
 * views of `bytes`, which must therefore not change afterwards.
 * @param name what to call the file in error messages
 * @throws CheckpointError (always one of its subclasses for bad bytes): see `errors.ts`
 */
export function readCheckpoint(bytes: Uint8Array, name = 'checkpoint', options: CheckpointOptions = {}): Checkpoint {
  try {
    const container = containerOf(bytes)
    return checkpointOf(
      container === 'safetensors' ? safetensorsContents(bytes) : torchContents(bytes, container, options),
    )
  } catch (error) {
    throw error instanceof CheckpointError ? error.prefix(name) : error
  }
}
