// Playing without tracking: from the current frame, at the clip's rate or as fast as it decodes.

import type { Workspace } from './workspace.ts'

export class Player {
  readonly #workspace: Workspace

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  async play(): Promise<void> {
    const workspace = this.#workspace
    await workspace.activity.run('playing', async (signal) => {
      const source = workspace.source.value
      if (!source) return
      const { frameCount, frameRate } = source.facts
      const first = workspace.frame.value >= frameCount - 1 ? 0 : workspace.frame.value
      const start = performance.now()
      let frame = first
      for await (const picture of source.frames(first)) {
        const due = start + ((frame - first) * 1000) / frameRate
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
        if (signal.aborted) {
          picture.close()
          return
        }
        workspace.put(frame++, picture)
      }
    })
  }
}
