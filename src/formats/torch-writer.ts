// Writes what torch.load reads: the zip format of torch.save, with `data.pkl`, `byteorder`, `version` and one
// aligned entry per tensor. MMTracking's layout is `{ meta, state_dict, optimizer }`.

import { concatBytes } from './bytes.ts'
import { type WritableValue, writePickle } from './pickle-writer.ts'
import { zipChunks } from './zip-writer.ts'

/**
 * The file as chunks, to be written one after the other; tensor data are passed through, not copied.
 *
 * @param value plain data and tensors; see `WritableValue` for how they appear in Python. For MMTracking:
 * `{ meta: { epoch, iter, ... }, state_dict: stateDict, optimizer: { state, param_groups } }`.
 * @param folder the name of the folder inside the archive, which torch.save takes from the file
 * @throws CheckpointWriteError before the first chunk, so that no half of a file is written
 */
export function torchZipChunks(value: WritableValue, folder = 'archive'): Iterable<Uint8Array> {
  const { bytes, storages } = writePickle(value)
  const text = (content: string) => new TextEncoder().encode(content)
  return zipChunks([
    [`${folder}/data.pkl`, bytes],
    [`${folder}/byteorder`, text('little')],
    ...storages.map((tensor, key) => [`${folder}/data/${key}`, tensor.data] as const),
    [`${folder}/version`, text('3\n')],
  ])
}

/** The whole file in one array; see `torchZipChunks`. */
export function writeTorchZip(value: WritableValue, folder?: string): Uint8Array {
  return concatBytes(torchZipChunks(value, folder))
}
