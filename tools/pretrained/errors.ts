// Errors of `npm run pretrained`: what could not be fetched, and what is not the file that was expected.

import { SiamRpnError } from 'siamrpn/gpu'

/** The package with the pretrained weights cannot be had: no npm, no network, or not the version that is known. */
export class PretrainedFetchError extends SiamRpnError {}

/** A file of the package that is damaged or laid out otherwise; the message begins with its name. */
export class PretrainedFileError extends SiamRpnError {}
