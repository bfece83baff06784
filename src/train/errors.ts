// The error classes of the training floor.

import { SiamRpnError } from '../gpu/errors.ts'

/** Training cannot start or go on; the message says why and what to change. */
export class TrainingError extends SiamRpnError {}

/** A training step cannot be made, or was asked for out of order. */
export class TrainerError extends SiamRpnError {}

/** A training sample that no image can be made of. */
export class TrainSampleError extends SiamRpnError {}
