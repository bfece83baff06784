// Errors of training data sets: data that is not there, annotations that do not parse, images that do not decode.

import { SiamRpnError } from 'siamrpn/gpu'

/** A training data set that cannot be used: wrong layout, missing entries, no usable box. */
export class DatasetError extends SiamRpnError {}

/** A training data set that is not there; the message shows the layout that is expected and where to get the data. */
export class DatasetMissingError extends DatasetError {}

/** An annotation file that does not parse or lacks an entry; the message starts with the file and the place in it. */
export class AnnotationError extends DatasetError {}

/** Too many images of a data set cannot be decoded. */
export class CorruptImagesError extends DatasetError {}

/** A decoding worker ended although nobody asked it to. */
export class DecodeWorkerError extends SiamRpnError {}
