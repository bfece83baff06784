// The full names of the data sets' attributes by their abbreviations (OTB100, UAV123, LaSOT, VOT).

const names: Readonly<Record<string, string>> = {
  ARC: 'aspect ratio changes',
  BC: 'background clutter',
  CM: 'camera motion',
  DEF: 'deformation',
  FM: 'fast motion',
  FOC: 'full occlusion',
  IPR: 'rotation in the image plane',
  IV: 'illumination varies',
  LR: 'low resolution',
  MB: 'motion blur',
  OCC: 'occlusion',
  OPR: 'rotation out of the image plane',
  OV: 'out of view',
  POC: 'partial occlusion',
  ROT: 'rotation',
  SOB: 'similar object nearby',
  SV: 'scale varies',
  VC: 'viewpoint changes',
  camera_motion: 'camera motion',
  illum_change: 'illumination changes',
  motion_change: 'motion changes',
  occlusion: 'occlusion',
  size_change: 'size changes',
  empty: 'none of the others',
}

/** In words; empty where the abbreviation is not known or says it itself. */
export function attributeMeaning(name: string): string {
  return names[name] ?? ''
}
