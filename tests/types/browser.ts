// How a web page uses the library. Never run: package.test.ts type-checks it against the built declarations, with the
// browser's types alone (no @types/node), and `npm run types` against the sources.
import {
  BoxError,
  type Device,
  DeviceLostError,
  type Frame,
  FrameError,
  openDevice,
  SiamRPN,
  SiamRpnError,
  StateDictMismatchError,
  type TrackResult,
} from '../../src/index.ts'

const box = { x: 10, y: 20, width: 30, height: 40 }

/** Every kind of frame that a browser has can start a target and move it. */
export async function track(video: HTMLVideoElement, canvas: HTMLCanvasElement): Promise<number> {
  await using tracker = await SiamRPN.load({ checkpoint: new URL('https://example.org/siamese_rpn_r50.pth') })
  const frames: Frame[] = [
    canvas,
    await createImageBitmap(video),
    new VideoFrame(video, { timestamp: 0 }),
    new OffscreenCanvas(320, 240),
    new ImageData(320, 240),
    { data: new Uint8Array(320 * 240 * 3), width: 320, height: 240 },
    { data: new Uint8ClampedArray(320 * 240 * 4), width: 320, height: 240, channels: 4 },
  ]
  let best = 0
  for (const frame of frames) {
    await using target = await tracker.init(frame, box)
    const { box: found, score }: TrackResult = await target.update(frame)
    best = Math.max(best, score * found.width * found.height, target.box.width, target.center.cx)
  }
  return best
}

/** Several targets in one frame are one batch; a box may be given by its centre. */
export async function trackGroup(bytes: Uint8Array, first: ImageBitmap, next: VideoFrame): Promise<number[]> {
  const tracker = await SiamRPN.load({ checkpoint: bytes })
  const group = await tracker.init(first, [box, { cx: 100, cy: 50, width: 20, height: 20 }])
  const results = await group.update(next)
  await group.release()
  await tracker.close()
  return results.map(({ score, anchor }) => score + anchor)
}

/** The model that ships; and a checkpoint as a file input, a request or a worker hands it on. */
export async function loadFrom(input: HTMLInputElement, shared: SharedArrayBuffer): Promise<SiamRPN[]> {
  const file = input.files?.[0] ?? new Blob([])
  const answer = await fetch('/weights/r50.pth')
  const sources = [file, answer, shared, new Float32Array(shared), new DataView(new ArrayBuffer(8)), undefined]
  return await Promise.all([SiamRPN.load(), ...sources.map((checkpoint) => SiamRPN.load({ checkpoint }))])
}

/** The page's own device, progress for its bar, and a digest of the file. */
export async function loadWithProgress(bar: HTMLProgressElement, sha256: string): Promise<SiamRPN> {
  const device: Device = await openDevice({ gpu: navigator.gpu, powerPreference: 'high-performance' })
  return await SiamRPN.load({
    checkpoint: '/weights/r50.safetensors',
    sha256,
    device,
    anchors: 'mmtracking',
    onProgress: ({ stage, done, total }) => {
      bar.title = stage
      bar.value = total > 0 ? done / total : 0
    },
  })
}

/** Every refusal has a class. */
export function explain(error: unknown): string {
  if (error instanceof StateDictMismatchError) return error.missing.concat(error.unexpected).join(', ')
  if (error instanceof FrameError || error instanceof BoxError) return error.message
  if (error instanceof DeviceLostError) return 'The page has to be loaded again'
  return error instanceof SiamRpnError ? error.name : 'A defect'
}

export async function mistakes(tracker: SiamRPN, frame: ImageBitmap): Promise<void> {
  // @ts-expect-error A box has four sides.
  await tracker.init(frame, { x: 1, y: 2 })
  // @ts-expect-error An SVG element has no pixels of its own to read: draw it on a canvas.
  await tracker.init(document.createElementNS('http://www.w3.org/2000/svg', 'image'), box)
  // @ts-expect-error Bytes need their size.
  await tracker.init({ data: new Uint8Array(12) }, box)
  // @ts-expect-error A group has no box of its own, it has boxes.
  ;(await tracker.init(frame, [box])).box
  // @ts-expect-error A checkpoint is a path, a URL, a file, an answer or bytes.
  await SiamRPN.load({ checkpoint: 7 })
}
