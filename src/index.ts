// The public entry: what a page or a Node program imports. Nothing here needs Node.

export { type Checkpoint, readCheckpoint } from './formats/checkpoint.ts'
export {
  BackboneOnlyError,
  CheckpointError,
  CheckpointWriteError,
  CorruptCheckpointError,
  StateDictMismatchError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from './formats/errors.ts'
export { readSafetensors, writeSafetensors } from './formats/safetensors.ts'
export { fromFloat32, type NamedTensor, type StateDict, toFloat32 } from './formats/state-dict.ts'
export { writeTorchZip } from './formats/torch-writer.ts'
export { type AdapterFacts, Device, type DeviceOptions, openDevice } from './gpu/device.ts'
export {
  BindingError,
  DeviceClosedError,
  DeviceLostError,
  FeatureError,
  NoAdapterError,
  OutOfMemoryError,
  ShaderError,
  ShapeError,
  SiamRpnError,
  WebGpuError,
} from './gpu/errors.ts'
export type { Profile } from './gpu/program.ts'
export type { Box, CenterBox } from './siamrpn/boxes.ts'
export { type Config, type ConfigInput, overrideConfig, parseConfig } from './siamrpn/config.ts'
export { BoxError, ClosedError, ConfigError, CropError, FrameError, SourceError } from './siamrpn/errors.ts'
export type { Frame, PixelFrame } from './siamrpn/frame.ts'
export { stateDictShapes } from './siamrpn/layout.ts'
export type { CheckpointSource } from './siamrpn/source.ts'
export type { Target, TargetGroup, TrackResult } from './siamrpn/target.ts'
export { type CreateOptions, type InitBox, type LoadOptions, type LoadProgress, SiamRPN } from './siamrpn/tracker.ts'
