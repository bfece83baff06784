// The error classes of the runtime floor, and the base class of every error that the library throws on purpose.
// Each message names the thing, the value found and the value expected, so that it can be acted on without a debugger.

import { bounded } from './message.ts'

/** Base class of all errors thrown deliberately by siamrpn. No message is longer than about 8,000 characters. */
export class SiamRpnError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(bounded(message), options)
    this.name = new.target.name
  }
}

/** An argument is not of the kind that the function takes: found by programs without types. */
export class ArgumentError extends SiamRpnError {}

/** No WebGPU adapter answered. The message lists what was tried and how to install one. */
export class NoAdapterError extends SiamRpnError {}

/** The device was lost while in use (driver reset, crash, removal). */
export class DeviceLostError extends SiamRpnError {}

/** The device was used after `close()`. */
export class DeviceClosedError extends SiamRpnError {}

/** The adapter could not allocate a buffer. */
export class OutOfMemoryError extends SiamRpnError {}

/** A shader does not parse, compile or specialise. The message shows file, line and source line. */
export class ShaderError extends SiamRpnError {}

/** A binding's name, type or size does not fit what the shader declares or the adapter allows. */
export class BindingError extends SiamRpnError {}

/** A tensor's shape does not fit the operation. */
export class ShapeError extends SiamRpnError {}

/** A number is too large for the precision that it is to be stored in. */
export class PrecisionError extends SiamRpnError {}

/** An optional feature is needed that the adapter does not have. */
export class FeatureError extends SiamRpnError {}

/** WebGPU reported an error after the call that caused it; thrown by the next call on the device. */
export class WebGpuError extends SiamRpnError {}
