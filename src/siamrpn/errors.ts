// The error classes of the model and tracking floor.

import { SiamRpnError } from '../gpu/errors.ts'
import { cut } from '../gpu/message.ts'
import { type ConfigProblem, describeProblem } from './config/problem.ts'

/** How many problems a message lists. */
const shownProblems = 12

/** A configuration is wrong. The message has one line per problem: key path, value found, value expected. */
export class ConfigError extends SiamRpnError {
  /** Where the configuration came from (a file, an option), if that is known. */
  readonly source: string | undefined
  /** What is wrong, entry by entry; of very many problems the first hundred. */
  readonly problems: readonly ConfigProblem[]

  /** @param left how many more problems there are than those that are given */
  constructor(problems: readonly ConfigProblem[], source?: string, left = 0) {
    const where = source === undefined ? 'configuration' : `configuration ${cut(source, 300)}`
    const lines = problems.slice(0, shownProblems).map(describeProblem)
    const count = problems.length + left
    if (count > lines.length) lines.push(`... and ${count - lines.length} more`)
    super(count === 1 ? `${where}: ${lines[0]}` : `${where}: ${count} problems\n  ${lines.join('\n  ')}`)
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
