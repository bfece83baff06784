// The sequences of OTB100 (Wu et al., TPAMI 2015) with their attributes. The data set's folders say neither, so they
// are data here. Names: as in tb_100.txt of the authors' toolkit (github.com/jwlim/tracker_benchmark). Attributes: of
// the toolkit's MakeSequenceConfigVer10.m and Ver11.m, those that published plots are made with (IV 38, SV 64, OCC 49,
// DEF 44, MB 29, FM 39, IPR 51, OPR 63, OV 14, BC 31, LR 9 sequences); tb_100.txt adds a few.

/**
 * Illumination and scale variation, occlusion, deformation, motion blur, fast motion, rotation in and out of the plane,
 * out of view, background clutter, low resolution.
 */
export const otbAttributes = ['IV', 'SV', 'OCC', 'DEF', 'MB', 'FM', 'IPR', 'OPR', 'OV', 'BC', 'LR'] as const

/** By sequence; of those with a dash, the number after it is that of the target. */
const attributes: Readonly<Record<string, string>> = {
  Basketball: 'IV OCC DEF OPR BC',
  Biker: 'SV OCC MB FM OPR OV LR',
  Bird1: 'DEF FM OV',
  Bird2: 'OCC DEF FM IPR OPR',
  BlurBody: 'SV DEF MB FM IPR',
  BlurCar1: 'MB FM',
  BlurCar2: 'SV MB FM',
  BlurCar3: 'MB FM',
  BlurCar4: 'MB FM',
  BlurFace: 'MB FM IPR',
  BlurOwl: 'SV MB FM IPR',
  Board: 'SV MB FM OPR OV BC',
  Bolt: 'OCC DEF IPR OPR',
  Bolt2: 'DEF BC',
  Box: 'IV SV OCC MB IPR OPR OV BC',
  Boy: 'SV MB FM IPR OPR',
  Car1: 'IV SV BC LR',
  Car2: 'IV BC',
  Car24: 'IV SV BC',
  Car4: 'IV SV',
  CarDark: 'IV BC',
  CarScale: 'SV OCC FM IPR OPR',
  ClifBar: 'SV OCC MB FM IPR OV BC',
  Coke: 'IV OCC FM IPR OPR',
  Couple: 'SV DEF FM OPR BC',
  Coupon: 'OCC BC',
  Crossing: 'SV DEF BC',
  Crowds: 'IV DEF BC',
  Dancer: 'SV DEF IPR OPR',
  Dancer2: 'DEF',
  David: 'IV SV OCC DEF MB IPR OPR',
  David2: 'IPR OPR',
  David3: 'OCC DEF OPR BC',
  Deer: 'MB FM IPR BC',
  Diving: 'SV DEF IPR',
  Dog: 'SV DEF OPR',
  Dog1: 'SV IPR OPR',
  Doll: 'IV SV OCC IPR OPR',
  DragonBaby: 'SV OCC MB FM IPR OPR OV',
  Dudek: 'SV OCC DEF FM IPR OPR OV BC',
  FaceOcc1: 'OCC',
  FaceOcc2: 'IV OCC IPR OPR',
  Fish: 'IV',
  FleetFace: 'SV DEF MB FM IPR OPR',
  Football: 'OCC IPR OPR BC',
  Football1: 'IPR OPR BC',
  Freeman1: 'SV IPR OPR',
  Freeman3: 'SV IPR OPR LR',
  Freeman4: 'SV OCC IPR OPR LR',
  Girl: 'SV OCC IPR OPR',
  Girl2: 'SV OCC DEF MB OPR',
  Gym: 'SV DEF IPR OPR',
  Human2: 'IV SV MB OPR',
  Human3: 'SV OCC DEF OPR BC',
  'Human4-2': 'IV SV OCC DEF',
  Human5: 'SV OCC DEF',
  Human6: 'SV OCC DEF FM OPR OV',
  Human7: 'IV SV OCC DEF MB FM',
  Human8: 'IV SV DEF',
  Human9: 'IV SV DEF MB FM',
  Ironman: 'IV SV OCC MB FM IPR OPR OV BC',
  'Jogging-1': 'OCC DEF OPR',
  'Jogging-2': 'OCC DEF OPR',
  Jump: 'SV OCC DEF MB IPR OPR',
  Jumping: 'MB FM',
  KiteSurf: 'IV OCC IPR OPR',
  Lemming: 'IV SV OCC FM OPR OV',
  Liquor: 'IV SV OCC MB FM OPR OV BC',
  Man: 'IV',
  Matrix: 'IV SV OCC FM IPR OPR BC',
  Mhyang: 'IV DEF OPR BC',
  MotorRolling: 'IV SV MB FM IPR BC',
  MountainBike: 'IPR OPR BC',
  Panda: 'SV OCC DEF IPR OPR OV LR',
  RedTeam: 'SV OCC IPR OPR LR',
  Rubik: 'SV OCC IPR OPR',
  Shaking: 'IV SV IPR OPR BC',
  Singer1: 'IV SV OCC OPR',
  Singer2: 'IV DEF IPR OPR BC',
  Skater: 'SV DEF IPR OPR',
  Skater2: 'SV DEF FM IPR OPR',
  Skating1: 'IV SV OCC DEF OPR BC',
  'Skating2-1': 'SV OCC DEF FM OPR',
  'Skating2-2': 'SV OCC DEF FM OPR',
  Skiing: 'IV SV DEF IPR OPR LR',
  Soccer: 'IV SV OCC MB FM IPR OPR BC',
  Subway: 'OCC DEF BC',
  Surfer: 'SV FM IPR OPR LR',
  Suv: 'OCC IPR OV',
  Sylvester: 'IV IPR OPR',
  Tiger1: 'IV OCC DEF MB FM IPR OPR',
  Tiger2: 'IV OCC DEF MB FM IPR OPR OV',
  Toy: 'SV FM IPR OPR',
  Trans: 'IV SV OCC DEF',
  Trellis: 'IV SV IPR OPR BC',
  Twinnings: 'SV OPR',
  Vase: 'SV FM IPR',
  Walking: 'SV OCC DEF LR',
  Walking2: 'SV OCC',
  Woman: 'IV SV OCC DEF MB FM OPR',
}

/** Folders of the two smaller benchmarks: OTB50 of 2015 and the one of 2013. */
const otb50 = `
  Basketball Biker Bird1 BlurBody BlurCar2 BlurFace BlurOwl Bolt Box Car1 Car4 CarDark CarScale ClifBar Couple Crowds
  David Deer Diving DragonBaby Dudek Football Freeman4 Girl Human3 Human4 Human6 Human9 Ironman Jump Jumping Liquor
  Matrix MotorRolling Panda RedTeam Shaking Singer2 Skating1 Skating2 Skiing Soccer Surfer Sylvester Tiger2 Trellis
  Walking Walking2 Woman`
const otb2013 = `
  Basketball Bolt Boy Car4 CarDark CarScale Coke Couple Crossing David David2 David3 Deer Dog1 Doll Dudek FaceOcc1
  FaceOcc2 Fish FleetFace Football Football1 Freeman1 Freeman3 Freeman4 Girl Ironman Jogging Jumping Lemming Liquor
  Matrix Mhyang MotorRolling MountainBike Shaking Singer1 Singer2 Skating1 Skiing Soccer Subway Suv Sylvester Tiger1
  Tiger2 Trellis Walking Walking2 Woman`

export interface OtbSequence {
  /** `Jogging-1` */
  readonly name: string
  /** `Jogging` */
  readonly folder: string
  /** `groundtruth_rect.1.txt` */
  readonly truth: string
  readonly attributes: readonly string[]
  /** Other benchmarks that it is in. */
  readonly in: ReadonlySet<'otb50' | 'otb2013'>
}

const words = (text: string) => new Set(text.trim().split(/\s+/))
const members = [
  ['otb50', words(otb50)],
  ['otb2013', words(otb2013)],
] as const

/** All 100, by name. */
export const otbSequences: readonly OtbSequence[] = Object.entries(attributes).map(([name, letters]) => {
  const [folder = name, target] = name.split('-')
  return {
    name,
    folder,
    truth: target === undefined ? 'groundtruth_rect.txt' : `groundtruth_rect.${target}.txt`,
    attributes: letters.split(' '),
    in: new Set(members.flatMap(([benchmark, folders]) => (folders.has(folder) ? [benchmark] : []))),
  }
})
