// The camera on the stage: opens it, follows in it live, and keeps of each track what its trail shows.

import { openCamera } from '../media/camera.ts'
import type { Picture } from '../media/clip-source.ts'
import { clearTrack, type Project, setTracked } from '../model/project.ts'
import { trailFrames } from '../ui/draw.ts'
import { LiveRun } from './live.ts'
import type { TeachParts } from './teacher.ts'
import { cameraProject, type Results } from './workspace.ts'

export class CameraView {
  readonly #parts: Omit<TeachParts, 'model'>

  constructor(parts: Omit<TeachParts, 'model'>) {
    this.#parts = parts
  }

  /** Opens the camera and follows in it until something else is begun; what is open stays where there is no camera. */
  async open(): Promise<void> {
    const { workspace, tracker, targets } = this.#parts
    await workspace.activity.run('live', async (signal) => {
      const camera = await openCamera()
      await workspace.show(undefined, cameraProject(camera.width, camera.height))
      workspace.inform('Draw a box around what is to be followed.')
      const run = new LiveRun(camera, tracker, {
        signal,
        lowScore: () => targets.lowScore.value,
        onFrame: (frame, results, picture) => this.#frame(frame, results, picture),
        onLow: (id, frame, score) => targets.lostSight(id, frame, score),
      })
      targets.liveRun = run
      try {
        await run.run()
      } finally {
        targets.liveRun = undefined
        workspace.clear()
      }
    })
  }

  #frame(frame: number, results: Results, picture: Picture): void {
    const { workspace, tracker, targets } = this.#parts
    workspace.grow((project) =>
      trimmed(setTracked(withFrames(project, frame + 1), frame, results), frame - trailFrames),
    )
    targets.stepTime.value = tracker.stepTime
    workspace.put(frame, picture)
  }
}

function withFrames(project: Project, frameCount: number): Project {
  return { ...project, clip: { ...project.clip, frameCount } }
}

/** Without what was followed up to a frame, so that a long run takes no memory. */
function trimmed(project: Project, last: number): Project {
  return project.targets.reduce((rest, { id }) => clearTrack(rest, id, 0, last), project)
}
