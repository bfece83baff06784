// The page's program: a video is chosen, a box is drawn on its first frame, and the box follows what is in it.

import { type Box, SiamRPN } from 'siamrpn'

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no ${kind.name} #${id}`)
}

const file = element('file', HTMLInputElement)
const status = element('status', HTMLOutputElement)
const canvas = element('view', HTMLCanvasElement)
const video = document.createElement('video')
const tracker = SiamRPN.load() // at once, while the user chooses a video

function show(box: Box | undefined): void {
  const context = canvas.getContext('2d')
  context?.drawImage(video, 0, 0)
  if (!context || !box) return
  context.lineWidth = 3
  context.strokeStyle = 'orange'
  context.strokeRect(box.x, box.y, box.width, box.height)
}

/** Frame by frame, as fast as tracking goes. */
async function follow(box: Box): Promise<void> {
  const target = await (await tracker).init(video, box)
  while (!video.ended) {
    const frame = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
    await video.play()
    await frame
    video.pause()
    const found = await target.update(video)
    show(found.box)
    status.value = `score ${found.score.toFixed(2)}`
  }
  await target.release()
}

file.addEventListener('change', () => {
  video.muted = true
  video.src = URL.createObjectURL(file.files?.[0] ?? new Blob())
})
video.addEventListener('loadeddata', () => {
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight })
  show(undefined)
  status.value = 'Draw a box around what is to be followed.'
})

let corner: DOMPoint | undefined
function point({ offsetX, offsetY }: PointerEvent): DOMPoint {
  return new DOMPoint((offsetX * canvas.width) / canvas.clientWidth, (offsetY * canvas.height) / canvas.clientHeight)
}
canvas.addEventListener('pointerdown', (event) => {
  corner = point(event)
})
canvas.addEventListener('pointerup', (event) => {
  if (!corner) return
  const { x, y } = point(event)
  const box = {
    x: Math.min(x, corner.x),
    y: Math.min(y, corner.y),
    width: Math.abs(x - corner.x),
    height: Math.abs(y - corner.y),
  }
  follow(box).catch((error) => {
    status.value = error instanceof Error ? error.message : String(error)
  })
})
tracker.catch((error) => {
  status.value = error instanceof Error ? error.message : String(error)
})
