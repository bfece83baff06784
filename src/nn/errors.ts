// The error classes of the module floor.

import { SiamRpnError } from '../gpu/errors.ts'

/** A module was used in a state that does not allow it: without weights, or after it was released. */
export class ModuleStateError extends SiamRpnError {}

/** An optimizer was given state, rates or parameters that do not fit it. */
export class OptimizerError extends SiamRpnError {}
