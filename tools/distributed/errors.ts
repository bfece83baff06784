// Errors of training, measuring and searching in several processes.

import { SiamRpnError } from 'siamrpn'

/** The processes cannot work together; the message says which rank, what was found and what was expected. */
export class DistributedError extends SiamRpnError {}

/** There is no MPI library, or it does not do what was asked. */
export class MpiError extends DistributedError {}

/** Another rank reports what is wrong; this one only has to end. */
export class PeerError extends DistributedError {}
