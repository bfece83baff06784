// The public face of checkpoint files: bytes in, named tensors out, and back. PyTorch's zip and legacy files, safetensors.

export { concatBytes } from './bytes.ts'
export {
  anchorsKey,
  type Checkpoint,
  type CheckpointOptions,
  type MetaValue,
  optimizerPrefix,
  readCheckpoint,
} from './checkpoint.ts'
export {
  BackboneOnlyError,
  CheckpointError,
  CheckpointWriteError,
  CorruptCheckpointError,
  type ShapeMismatch,
  StateDictMismatchError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from './errors.ts'
export { checkJsonSize, configJsonLimits, type JsonLimits, JsonSizeError, jsonLimits, parseJson } from './json.ts'
export { type MatchOptions, matchStateDict } from './match.ts'
export { isTensor, type PickleDict, type PickleHelper, type PickleValue } from './pickle-value.ts'
export type { WritableValue } from './pickle-writer.ts'
export { readSafetensors, type SafetensorsFile, safetensorsChunks, writeSafetensors } from './safetensors.ts'
export {
  elementCount,
  fromFloat32,
  type NamedTensor,
  type StateDict,
  type TensorDType,
  toFloat32,
  toTypedArray,
} from './state-dict.ts'
export { torchZipChunks, writeTorchZip } from './torch-writer.ts'
export { readZip, type ZipOptions } from './zip.ts'
export { zipChunks } from './zip-writer.ts'
