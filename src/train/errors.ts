// The error classes of the training floor.

import { SiamRpnError } from '../gpu/errors.ts'

/** Training cannot start or go on; the message says why and what to change. */
export class TrainingError extends SiamRpnError {}

/** A training step cannot be made, or was asked for out of order. */
export class TrainerError extends SiamRpnError {}

/** A loss or the norm of the gradients is NaN or infinite. */
export class NonFiniteLossError extends TrainingError {}

/** Another process trains in the same folder. */
export class WorkDirBusyError extends TrainingError {}

/** A checkpoint could not be written, or is none that training can go on from. */
export class TrainingCheckpointError extends TrainingError {}

/** A configuration file cannot be read, or holds no configuration. */
export class ConfigFileError extends TrainingError {}

/** A video cannot be evaluated, or an evaluation cannot go on as asked. */
export class EvaluationError extends SiamRpnError {}
