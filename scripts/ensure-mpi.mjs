// Makes sure that both families of MPI are on this machine for the tests of training on several ranks: `npm run test:slow` starts
// with it. On Debian and Ubuntu, as root, it installs the distribution's with apt, after saying so; elsewhere, or with
// SIAMRPN_NO_INSTALL=1, it prints the command, and the tests of what is missing are left out.
// @ts-check
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const launchers = { 'openmpi-bin': '/usr/bin/mpirun.openmpi', mpich: '/usr/bin/mpirun.mpich' }
const missing = Object.entries(launchers).flatMap(([name, path]) => (existsSync(path) ? [] : [name]))
const commands = [
  ['apt-get', 'update'],
  ['apt-get', 'install', '-y', '--no-install-recommends', ...missing],
]

const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && process.env.SIAMRPN_NO_INSTALL !== '1'
const shown = commands.map((command) => command.join(' ')).join(' && ')
if (missing.length === 0) process.stderr.write(`MPI: ${Object.values(launchers).join(', ')}\n`)
else if (!mayInstall) process.stderr.write(`No ${missing.join(', ')}: tests of it are left out. To have it: ${shown}\n`)
else {
  process.stderr.write(`No ${missing.join(', ')}: installing it for the tests of several ranks with ${shown}\n`)
  for (const [program = '', ...args] of commands) {
    const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) process.exitCode = 1
  }
}
