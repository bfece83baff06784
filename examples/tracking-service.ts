// A service that tracks: frames come in over HTTP as raw pixels, boxes go out as JSON. Run it: npx tsx examples/tracking-service.ts
//   POST   /targets?width=640&height=360&box=210,84,60,112   body: the first frame's RGB bytes     -> { "id": "1" }
//   POST   /targets/1?width=640&height=360                   body: the next frame's RGB bytes      -> { "box": ..., "score": ... }
//   DELETE /targets/1                                        the target is forgotten

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type PixelFrame, SiamRPN, SiamRpnError, type Target } from 'siamrpn'

/** Serves one tracker, whose targets share a device; their updates run one after the other. */
export function createService(tracker: SiamRPN): Server {
  const targets = new Map<string, Target>()
  let started = 0

  const answer = async (request: IncomingMessage): Promise<object> => {
    const url = new URL(request.url ?? '/', 'http://service')
    const [, room, id] = url.pathname.split('/')
    if (room !== 'targets') throw new RequestError(404, `there is nothing at ${url.pathname}`)
    if (request.method === 'POST' && id === undefined) {
      const target = await tracker.init(await frameOf(request, url), boxOf(url))
      targets.set(String(++started), target)
      return { id: String(started) }
    }
    const target = targets.get(id ?? '')
    if (!target) throw new RequestError(404, `there is no target ${id}`)
    if (request.method === 'POST') return await target.update(await frameOf(request, url))
    if (request.method !== 'DELETE') throw new RequestError(405, `${request.method} is not for targets`)
    targets.delete(id ?? '')
    await target.release()
    return {}
  }

  return createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const [status, body] = await answer(request).then(
      (found) => [200, found] as const,
      (error) => [statusOf(error), { error: error instanceof Error ? error.message : String(error) }] as const,
    )
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
}

/** A request that cannot be answered, and the status that says so. */
class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Errors of the library about frames and boxes are the caller's. */
function statusOf(error: unknown): number {
  if (error instanceof RequestError) return error.status
  return error instanceof SiamRpnError ? 400 : 500
}

async function frameOf(request: IncomingMessage, { searchParams }: URL): Promise<PixelFrame> {
  const [width, height] = ['width', 'height'].map((name) => Number(searchParams.get(name)))
  return { data: await buffer(request), width: width ?? 0, height: height ?? 0 }
}

function boxOf({ searchParams }: URL) {
  const numbers = (searchParams.get('box') ?? '').split(',').map(Number)
  const [x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN] = numbers
  return { x, y, width, height }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createService(await SiamRPN.load()).listen(8080)
  server.on('listening', () => console.log('http://localhost:8080/targets'))
}
