// Makes sure that a Chromium is on this machine for the tests of the page: `npm run test:slow` starts with it. On Debian and Ubuntu,
// as root, it installs the distribution's with apt, after saying so; elsewhere, or with SIAMRPN_NO_INSTALL=1, it prints the command,
// and the tests of the page are left out.
// @ts-check
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const commands = [
  ['apt-get', 'update'],
  ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'],
]

const found = [process.env.CHROMIUM, ...paths].find((path) => path !== undefined && existsSync(path))
const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && process.env.SIAMRPN_NO_INSTALL !== '1'
const shown = commands.map((command) => command.join(' ')).join(' && ')
if (found) process.stderr.write(`Chromium: ${found}\n`)
else if (!mayInstall) process.stderr.write(`No Chromium: the tests of the page are left out. To have it: ${shown}\n`)
else {
  process.stderr.write(`No Chromium: installing it for the tests of the page with ${shown}\n`)
  for (const [program = '', ...args] of commands) {
    const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) process.exitCode = 1
  }
}
