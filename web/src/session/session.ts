// The session is what the page works with: the workspace that is open, and what can be done with it. Components read its signals and
// call its methods; nothing else changes state.

import { signal } from '@preact/signals'
import { Background } from './background.ts'
import { CameraView } from './camera-view.ts'
import { Clips } from './clips.ts'
import { Model } from './model.ts'
import { Player } from './player.ts'
import { Targets } from './targets.ts'
import { Teacher } from './teacher.ts'
import { PageTracker } from './tracker.ts'
import { Workspace } from './workspace.ts'

export class Session {
  /** A sentence where tracking is impossible in this browser. */
  readonly missing = signal<string | undefined>(undefined)
  readonly workspace = new Workspace()
  readonly background = new Background(this.workspace)
  readonly tracker = new PageTracker(() =>
    this.workspace.inform('The graphics device was lost and opened again; tracking went on from the last frame.'),
  )
  readonly model = new Model(this.workspace, this.tracker, this.missing)
  readonly clips = new Clips(this.workspace, this.missing)
  readonly player = new Player(this.workspace)
  readonly targets = new Targets(this.workspace, this.tracker, this.model)
  readonly camera = new CameraView({ workspace: this.workspace, tracker: this.tracker, targets: this.targets })
  readonly teacher = new Teacher({
    ...{ workspace: this.workspace, tracker: this.tracker },
    ...{ model: this.model, targets: this.targets },
  })
}
