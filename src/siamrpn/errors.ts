// The error classes of the model and tracking floor.

import { SiamRpnError } from '../gpu/errors.ts'
import { type ConfigProblem, describeProblem } from './config/problem.ts'

/** A configuration is wrong. The message has one line per problem: key path, value found, value expected. */
export class ConfigError extends SiamRpnError {
  /** Where the configuration came from (a file, an option), if that is known. */
  readonly source: string | undefined
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], source?: string) {
    const where = source === undefined ? 'configuration' : `configuration ${source}`
    const lines = problems.map(describeProblem)
    super(lines.length === 1 ? `${where}: ${lines[0]}` : `${where}: ${lines.length} problems\n  ${lines.join('\n  ')}`)
    this.source = source
    this.problems = problems
  }
}

/** A region that cannot be cropped: it has no pixels, or is not finite. */
export class CropError extends SiamRpnError {}

/** A box that cannot be tracked: not finite, without area, or outside of the frame. */
export class BoxError extends SiamRpnError {}

/** A frame that cannot be tracked in: no area, too few bytes, or another size than the frame at `init`. */
export class FrameError extends SiamRpnError {}

/** A checkpoint could not be fetched: no such file, a failed request, or a digest that differs. */
export class SourceError extends SiamRpnError {}

/** A tracker or target was used after it was closed. */
export class ClosedError extends SiamRpnError {}
