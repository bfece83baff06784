// The same as `readCheckpoint` for pages, which most often read safetensors: what reads PyTorch's files is loaded on demand.

import { type Checkpoint, checkpointOf, containerOf, safetensorsContents } from './checkpoint-contents.ts'
import { CheckpointError } from './errors.ts'

/** As `readCheckpoint`. @throws as it does */
export async function loadCheckpoint(bytes: Uint8Array, name: string): Promise<Checkpoint> {
  try {
    const container = containerOf(bytes)
    if (container === 'safetensors') return checkpointOf(safetensorsContents(bytes))
    const { torchContents } = await import('./torch-checkpoint.ts')
    return checkpointOf(torchContents(bytes, container, {}))
  } catch (error) {
    throw error instanceof CheckpointError ? error.prefix(name) : error
  }
}
