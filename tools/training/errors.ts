// Errors of a training run's files: its folder, its checkpoints, its configuration.

import { TrainingError } from 'siamrpn/train'

/** Another process trains in the same folder. */
export class WorkDirBusyError extends TrainingError {}

/** Weights, statistics or momenta are no longer finite. */
export class DivergedError extends TrainingError {}

/** A checkpoint could not be written, or is none that training can go on from. */
export class TrainingCheckpointError extends TrainingError {}

/** A configuration file cannot be read, or holds no configuration. */
export class ConfigFileError extends TrainingError {}

/** A loss or the norm of the gradients is NaN or infinite. */
export class NonFiniteLossError extends TrainingError {}
