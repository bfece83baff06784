// What can be told of launchers and adapters without any: who has started the process, and which adapter a rank takes.

import { Writable } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { loadTrackers } from '../../../tools/cli/evaluate/load-trackers.ts'
import { runCommand } from '../../../tools/cli/run.ts'
import { loadTracker } from '../../../tools/cli/track/load-tracker.ts'
import { chooseAdapter } from '../../../tools/distributed/adapters.ts'
import { isAlone, launchedBy } from '../../../tools/distributed/mpi-library.ts'

afterEach(() => vi.unstubAllEnvs())

async function siamrpn(...args: string[]) {
  let err = ''
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      err += chunk
      done()
    },
  })
  const code = await runCommand(args, { terminal: { stdout: stderr, stderr }, load: loadTracker, loadTrackers })
  return { code, err }
}

describe('the launcher', () => {
  test('is known by what it leaves in the environment', () => {
    expect(launchedBy({})).toBe(undefined)
    expect(launchedBy({ OMPI_COMM_WORLD_SIZE: '2' })).toBe('Open MPI')
    expect(launchedBy({ PMI_SIZE: '2', PMI_RANK: '0' })).toBe('MPICH')
    expect([isAlone({ PMI_SIZE: '1' }), isAlone({ PMI_SIZE: '2' }), isAlone({})]).toEqual([true, false, false])
  })

  test.each([
    ['train', ['--config', 'micro']],
    ['evaluate', []],
    ['search', ['--lr', '0.1']],
  ])('makes %s of several ranks an error unless they know of each other', async (command, args) => {
    vi.stubEnv('OMPI_COMM_WORLD_SIZE', '2')
    const { code, err } = await siamrpn(command, ...args)
    expect(code).toBe(1)
    expect(err).toContain("Open MPI's mpirun has started this process, but --launcher is none: ")
    expect(err).toContain('expected --launcher mpi, or no mpirun')
  })

  test('is missed where it is asked for', async () => {
    const { code, err } = await siamrpn('train', '--config', 'micro', '--launcher', 'mpi')
    expect([code, err]).toEqual([1, expect.stringContaining('no mpirun has started this process')])
  })

  test('of a family without a library says what to install', async () => {
    vi.stubEnv('OMPI_COMM_WORLD_SIZE', '2')
    const { code, err } = await siamrpn(
      ...['train', '--config', 'micro', '--launcher', 'mpi', '--mpi-library', '/nowhere/libmpi.so'],
    )
    expect(code).toBe(1)
    expect(err).toMatch(/library was not found; tried \/nowhere\/libmpi\.so\. Install openmpi-bin \(Debian, Ubuntu\)/)
  })

  test("of MPICH is missed where something has closed the ranks' connection", async () => {
    vi.stubEnv('PMI_SIZE', '2')
    vi.stubEnv('PMI_FD', '999')
    const { code, err } = await siamrpn('train', '--config', 'micro', '--launcher', 'mpi')
    expect([code, err]).toEqual([1, expect.stringContaining('use mpirun -pmi-port')])
  })
})

describe('the adapter of a rank', () => {
  const rank = (localRank: number, index?: number) => ({ localRank, localRanks: 4, index })

  test('is the one with its number', () => {
    expect(chooseAdapter(['NVIDIA A', 'AMD B', 'llvmpipe'], rank(0))).toBe('NVIDIA A')
    expect(chooseAdapter(['NVIDIA A', 'AMD B', 'llvmpipe'], rank(1))).toBe('AMD B')
    expect(chooseAdapter(['llvmpipe', 'NVIDIA A'], rank(0))).toBe('NVIDIA A')
  })

  test('is the one asked for', () => {
    expect(chooseAdapter(['NVIDIA A', 'AMD B', 'llvmpipe'], rank(3, 2))).toBe('llvmpipe')
    expect(chooseAdapter(['NVIDIA A'], rank(3, 0))).toBe(undefined)
  })

  test('is shared where there is only one, of software', () => {
    expect(chooseAdapter(['llvmpipe'], rank(3))).toBe(undefined)
  })

  test('must exist', () => {
    expect(() => chooseAdapter(['NVIDIA A', 'llvmpipe'], rank(1))).toThrow(
      '4 ranks on this machine, but 1 adapters (0: NVIDIA A',
    )
    expect(() => chooseAdapter(['NVIDIA A', 'AMD B'], rank(0, 7))).toThrow(
      '--device-index is 7, expected 0 to 1 (0: NVIDIA A',
    )
  })

  test('must have a name of its own', () => {
    expect(chooseAdapter(['NVIDIA A', 'NVIDIA A'], rank(0))).toBe('NVIDIA A')
    expect(() => chooseAdapter(['NVIDIA A', 'NVIDIA A'], rank(1))).toThrow('like another one before it')
    expect(() => chooseAdapter(['NVIDIA AB', 'NVIDIA A'], rank(1))).toThrow('like another one before it')
  })
})
