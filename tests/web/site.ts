// The built page on a server of its own, in a real browser: what the tests in this folder start from.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))
const distFolder = join(repositoryRoot, 'web/dist')

/** What Chromium needs to run without a screen, a sandbox, a network and a GPU. */
export const flags = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
export const softwareGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
  '--autoplay-policy=no-user-gesture-required',
]

export const fakeCamera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.zip': 'application/zip',
  '.webm': 'video/webm',
  '.safetensors': 'application/octet-stream',
}

/** Where Chromium is; undefined if this machine has none. */
export function chromiumPath(): string | undefined {
  return [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path),
  )
}

/** What Vitest sets would make Vite build for development, without the service worker. */
export const productionEnvironment = { ...process.env, NODE_ENV: 'production' }

/** Builds the page into web/dist, as `npm run web:build` does. */
export function buildPage(): void {
  const options = { cwd: repositoryRoot, encoding: 'utf8', env: productionEnvironment } as const
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'web:build'], options)
  if (status !== 0) throw new Error(`The page does not build:\n${stderr}`)
}

export interface SiteOptions {
  /** Default: web/dist. */
  readonly root?: string
  /** A script in front of what the files have whose address matches. */
  readonly before?: { readonly pattern: RegExp; readonly script: string }
}

/** Serves a folder from one below the root, as a static host would. */
export async function serve({ root = distFolder, before }: SiteOptions = {}): Promise<{
  readonly address: string
  readonly server: Server
}> {
  const server = createServer(async ({ url = '/' }, response) => {
    if (url === '/favicon.ico') {
      response.writeHead(204).end() // browsers ask for it where a page names no icon
      return
    }
    const path = normalize(new URL(url, 'http://localhost').pathname).replace(/^\/some\/folder\//, '/')
    const file = join(root, path.endsWith('/') ? `${path}index.html` : path)
    try {
      const content = await readFile(file)
      const body = before?.pattern.test(path) ? before.script + content : content
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('The server has no address')
  return { address: `http://127.0.0.1:${address.port}/some/folder/`, server }
}

export interface BrowserOptions {
  /** Whether there is an adapter. Default true. */
  readonly webgpu?: boolean
  readonly extraFlags?: readonly string[]
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  /** A file of concatenated JPEG pictures, ending in .mjpeg, that the camera shows again and again. */
  readonly camera?: string
}

export interface OpenedPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Messages of level error, and uncaught exceptions. */
  readonly errors: string[]
  /** Hosts that anything was asked of. */
  readonly hosts: Set<string>
  close(): Promise<void>
}

/** Opens the page in a fresh profile. */
export async function openPage(address: string, options: BrowserOptions = {}): Promise<OpenedPage> {
  const profile = await mkdtemp(join(tmpdir(), 'siamrpn-browser-'))
  const { webgpu = true, extraFlags = [], width = 1280, height = 900, dark = false, camera } = options
  const executablePath = chromiumPath()
  if (!executablePath) throw new Error('There is no Chromium on this machine')
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [
      ...flags,
      ...(webgpu ? softwareGpu : ['--disable-features=WebGPU', '--disable-gpu']),
      ...(camera ? [...fakeCamera, `--use-file-for-fake-video-capture=${camera}`] : []),
      ...extraFlags,
    ],
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    acceptDownloads: true,
  })
  const page = context.pages()[0] ?? (await context.newPage())
  const errors: string[] = []
  const hosts = new Set<string>()
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http')) hosts.add(url.host)
  })
  await page.goto(address)
  const close = async () => {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
  return { page, context, errors, hosts, close }
}
