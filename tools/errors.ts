// Errors of the command line itself: options that contradict each other or the frames.

import { SiamRpnError } from 'siamrpn/gpu'

/** The command was called in a way that cannot work; the message says what to change. */
export class UsageError extends SiamRpnError {}
