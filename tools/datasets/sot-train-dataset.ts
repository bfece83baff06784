// The data sets of MMTracking's configurations: SOTTrainDataset, and of its later versions SOTImageNetVIDDataset and
// SOTCocoDataset, all of COCO-VID or COCO annotations. A missing one is explained.

import { access } from 'node:fs/promises'
import { readCocoVid } from './coco-vid.ts'
import { type PairUnit, TrackDataset } from './datasets.ts'
import { DatasetError, DatasetMissingError } from './errors.ts'
import type { PairSamplingOptions } from './pair-sampling.ts'
import type { BoxFilter, TrackTable } from './tracks.ts'

export interface CocoVidFiles {
  readonly ann_file: string
  /** Folder that the annotations' file names start from. */
  readonly img_prefix: string
  readonly box_filter?: BoxFilter | undefined
}

/** One sample per video: two frames of an instance, or of two instances. */
export class SOTTrainDataset extends TrackDataset {
  constructor(name: string, table: TrackTable, sampling: PairSamplingOptions) {
    super(name, table, 'video', sampling)
  }

  /** @throws DatasetMissingError, AnnotationError, DatasetError */
  static async open(
    config: CocoVidFiles & { readonly ref_img_sampler: PairSamplingOptions & { readonly return_key_img: boolean } },
  ): Promise<SOTTrainDataset> {
    const { ann_file, ref_img_sampler } = config
    if (!ref_img_sampler.return_key_img) {
      throw new DatasetError(`${ann_file}: return_key_img is false, expected true: the key image is the template`)
    }
    return new SOTTrainDataset(ann_file, await openTable(config, false), ref_img_sampler)
  }
}

/** Pairs by PairSampling, one sample per instance. */
class PairSamplingDataset extends TrackDataset {
  constructor(name: string, table: TrackTable, sampling: PairSamplingOptions) {
    super(name, table, 'any track' satisfies PairUnit, sampling)
  }
}

export class SOTImageNetVIDDataset extends PairSamplingDataset {
  /** @throws DatasetMissingError, AnnotationError, DatasetError */
  static async open(config: CocoVidFiles, sampling: PairSamplingOptions): Promise<SOTImageNetVIDDataset> {
    return new SOTImageNetVIDDataset(config.ann_file, await openTable(config, false), sampling)
  }
}

/** Crowds do not count. */
export class SOTCocoDataset extends PairSamplingDataset {
  /** @throws DatasetMissingError, AnnotationError, DatasetError */
  static async open(config: CocoVidFiles, sampling: PairSamplingOptions): Promise<SOTCocoDataset> {
    return new SOTCocoDataset(config.ann_file, await openTable(config, true), sampling)
  }
}

async function openTable({ ann_file, img_prefix, box_filter }: CocoVidFiles, skipCrowds: boolean): Promise<TrackTable> {
  if (!(await exists(ann_file))) throw missing(`no annotation file ${ann_file}`, { ann_file, img_prefix })
  const table = await readCocoVid(ann_file, {
    imagePrefix: img_prefix,
    skipCrowds: skipCrowds || box_filter !== undefined,
    boxFilter: box_filter,
  })
  if (table.frames > 0 && !(await exists(table.image(0)))) {
    throw missing(`${ann_file} names ${table.image(0)}, which is not there`, { ann_file, img_prefix })
  }
  return table
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

function missing(reason: string, { ann_file, img_prefix }: CocoVidFiles): DatasetMissingError {
  return new DatasetMissingError(`${reason}; expected
  ${ann_file}    COCO-VID annotations (videos, images, annotations) or COCO's
  ${img_prefix === '' ? '.' : img_prefix}/...    the images under the names that the annotations give
where to get the data of MMTracking's configuration:
  ImageNet VID and DET (ILSVRC2015_VID.tar.gz, ILSVRC2015_DET.tar.gz): https://image-net.org/challenges/LSVRC/2015/
    annotations: MMTracking's tools/convert_datasets/ilsvrc/imagenet2coco_vid.py and imagenet2coco_det.py
  COCO 2017 (train2017.zip, annotations_trainval2017.zip): https://cocodataset.org/#download
without them: train on a folder of your own clips, or on synthetic ones`)
}
