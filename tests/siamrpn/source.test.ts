// Checkpoints over HTTP, from a server on this machine that can misbehave.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ArgumentError } from '../../src/gpu/errors.ts'
import { defaultModel, defaultModelName } from '../../src/siamrpn/default-model.ts'
import { SourceError } from '../../src/siamrpn/errors.ts'
import { type CheckpointSource, isRemote, readSource, sourceName } from '../../src/siamrpn/source.ts'

const payload = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256)

/** A server that answers each request so, and its URL. */
async function serve(answer: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/weights.pth`, server }
}

async function failureOf(work: Promise<unknown>): Promise<SourceError> {
  const error = await work.then(
    () => expect.fail('expected a refusal'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SourceError)
  return error as SourceError
}

describe('a checkpoint from a URL', () => {
  test('arrives whole, with progress that ends at its size', async () => {
    const { url } = await serve((_, response) => {
      response.setHeader('content-length', payload.length)
      response.write(payload.subarray(0, 100_000))
      setTimeout(() => response.end(payload.subarray(100_000)), 20)
    })
    const seen: [number, number][] = []
    const bytes = await readSource(new URL(url), { onProgress: (done, total) => seen.push([done, total]) })
    expect(Buffer.compare(bytes, payload)).toBe(0)
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.every(([done], index) => index === 0 || done > seen[index - 1]![0])).toBe(true)
    expect(seen.at(-1)).toEqual([payload.length, payload.length])
  })

  test('of unknown size arrives, too, and its progress says so', async () => {
    const { url } = await serve((_, response) => response.end(payload)) // chunked
    const totals = new Set<number>()
    const bytes = await readSource(url, { onProgress: (_, total) => totals.add(total) })
    expect(Buffer.compare(bytes, payload)).toBe(0)
    expect([0, payload.length]).toEqual(expect.arrayContaining([...totals]))
    const { url: packed } = await serve((_, response) => {
      const body = gzipSync(payload)
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body)
    })
    const seen: number[] = []
    const unpacked = await readSource(packed, { onProgress: (_, total) => seen.push(total) })
    expect(Buffer.compare(unpacked, payload)).toBe(0)
    expect(new Set(seen)).toEqual(new Set([0]))
  })

  test('follows a redirection', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/weights.pth') response.writeHead(302, { location: '/there' }).end()
      else response.end(payload)
    })
    expect((await readSource(url)).length).toBe(payload.length)
  })

  test.each([
    [404, 'Not Found'],
    [500, 'Internal Server Error'],
  ])('that the server answers with %i is refused with the status', async (status, text) => {
    const { url } = await serve((_, response) => response.writeHead(status).end('<html>'))
    const { message } = await failureOf(readSource(url))
    expect(message).toBe(`Checkpoint \`${url}\` cannot be fetched: the server answered ${status} ${text}, expected 200`)
  })

  test.each([
    ['with a known size', { 'content-length': payload.length }, `of ${payload.length} bytes`],
    ['in chunks', {}, 'bytes'],
  ])('that breaks off %s is refused with how far it got', async (_, headers, size) => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, headers).write(payload.subarray(0, 70_000))
      setTimeout(() => response.destroy(), 20)
    })
    const { message } = await failureOf(readSource(url))
    expect(message).toMatch(/broke off after \d+ /)
    expect(message).toContain(size)
  })

  test('that nobody serves is refused with the reason', async () => {
    const { url, server } = await serve(() => undefined)
    await new Promise((resolve) => server.close(resolve))
    const { message, cause } = await failureOf(readSource(url))
    expect(message).toMatch(/cannot be fetched: .*ECONNREFUSED/)
    expect(cause).toBeInstanceOf(Error)
  })

  test('of an unknown scheme is refused', async () => {
    expect((await failureOf(readSource('gopher://there/weights.pth'))).message).toContain('gopher://there/weights.pth')
  })

  test('is checked against its digest', async () => {
    const { url } = await serve((_, response) => response.end('abc'))
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect((await readSource(url, { sha256: digest })).length).toBe(3)
    const { message } = await failureOf(readSource(url, { sha256: digest.replace('b', 'c') }))
    expect(message).toContain(`Checkpoint \`${url}\` has SHA-256 ${digest}, expected c`)
  })
})

test('bytes are taken as they are, and a buffer as bytes', async () => {
  expect((await readSource(payload)).buffer).toBe(payload.buffer)
  expect(await readSource(payload.buffer)).toEqual(payload)
  const data = `data:application/octet-stream;base64,${Buffer.from('abc').toString('base64')}`
  expect(await readSource(data)).toEqual(new TextEncoder().encode('abc'))
})

const shared = new SharedArrayBuffer(payload.length)
new Uint8Array(shared).set(payload)

test.each<[string, () => CheckpointSource]>([
  ['a Blob', () => new Blob([payload])],
  ['a File', () => new File([payload], 'weights.pth')],
  ['a Response', () => new Response(payload)],
  ['an ArrayBuffer', () => payload.buffer],
  ['a typed array', () => new Float32Array(payload.buffer)],
  ['a DataView', () => new DataView(payload.buffer)],
  ['a SharedArrayBuffer', () => shared],
  ['an array of shared memory', () => new Int16Array(shared)],
])('%s is read whole, into memory that only the reader has', async (_, source) => {
  const bytes = await readSource(source())
  expect(bytes).toBeInstanceOf(Uint8Array)
  expect(bytes.buffer).toBeInstanceOf(ArrayBuffer)
  expect(Buffer.compare(bytes, payload)).toBe(0)
})

test('a view is read from its first byte to its last', async () => {
  expect(await readSource(new Uint16Array(payload.buffer, 4, 3))).toEqual(payload.subarray(4, 10))
  expect(await readSource(new DataView(shared, 5, 2))).toEqual(payload.slice(5, 7))
})

test('a Response says how far it is, and is refused with its status or when it was read before', async () => {
  const seen: number[] = []
  const headers = { 'content-length': `${payload.length}` }
  await readSource(new Response(payload, { headers }), { onProgress: (done) => seen.push(done) })
  expect(seen.at(-1)).toBe(payload.length)
  const { message } = await failureOf(readSource(new Response('no', { status: 404, statusText: 'Not Found' })))
  expect(message).toBe('Checkpoint `checkpoint` cannot be fetched: the server answered 404 Not Found, expected 200')
  const read = new Response(payload)
  await read.arrayBuffer()
  expect((await failureOf(readSource(read))).message).toContain('has been read before')
})

test.each<[unknown, string]>([
  [7, '7'],
  [null, 'null'],
  ['', '""'],
  [{ path: 'a.pth' }, '{"path":"a.pth"}'],
  [[1, 2], 'a value of type Array'],
  [new Map(), 'a value of type Map'],
])('%o is no source and named', async (source, found) => {
  const refused = readSource(source as CheckpointSource)
  await expect(refused).rejects.toThrow(ArgumentError)
  await expect(refused).rejects.toThrow(`checkpoint is ${found}, expected a path or URL, a File, a Blob, a Response`)
})

test('the model that ships is where the code says', async () => {
  expect(defaultModel().pathname).toMatch(new RegExp(`/models/${defaultModelName}\\.safetensors$`))
  expect((await readSource(defaultModel())).length).toBeGreaterThan(100_000)
})

test('a path with a colon is a path, and a file URL is one in any case of letters', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-source-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'epoch:20.pth')
  await writeFile(path, payload)
  expect(isRemote('epoch:20.pth')).toBe(false)
  expect(isRemote('HTTPS://host/b.pth')).toBe(true)
  const { href } = pathToFileURL(path)
  for (const source of [path, relative(process.cwd(), path), href, href.replace('file:', 'FILE:')]) {
    expect(Buffer.compare(await readSource(source), payload), source).toBe(0)
  }
})

test('sources are named in messages by path or URL', () => {
  expect(sourceName('a/b.pth')).toBe('a/b.pth')
  expect(sourceName(new URL('https://host/b.pth'))).toBe('https://host/b.pth')
  expect(sourceName(new File([], 'c.pth'))).toBe('c.pth')
  expect(sourceName(payload)).toBe('checkpoint')
})
