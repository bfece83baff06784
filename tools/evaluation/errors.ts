// The error class of evaluations.

import { SiamRpnError } from 'siamrpn/gpu'

/** A video cannot be evaluated, or an evaluation cannot go on as asked. */
export class EvaluationError extends SiamRpnError {}
