// A child process that says where it goes on (`from N`) and when it is done, run to its end or killed on the way.

import { spawn } from 'node:child_process'

/** Runs the child to its end, or kills it so many milliseconds after it has begun. */
export async function runAndKill(
  script: string,
  folder: string,
  killAfter?: number,
): Promise<{ from: number; ended: boolean }> {
  const child = spawn(process.execPath, [script, folder, killAfter === undefined ? '0' : '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const begun = text.includes('from')
    text += chunk.toString()
    if (!begun && killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
  })
  await new Promise((resolve) => child.on('close', resolve))
  return { from: Number(/from (\d+)/.exec(text)?.[1] ?? Number.NaN), ended: text.includes('done') }
}
