// Checkpoints of other programs: their objects beside the weights stand for nothing, and what wrappers add to names goes.

import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/formats/bytes.ts'
import { readCheckpoint } from '../../src/formats/checkpoint.ts'
import { UnsafePickleError, UnsupportedCheckpointError } from '../../src/formats/errors.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { zipChunks } from '../../src/formats/zip-writer.ts'
import { bytesOf, f32, text } from './helpers.ts'

type Part = number | string | Uint8Array

/** A tensor of two elements over the storage `0`, as a pickle says it; `rebuild` names what makes it. */
const tensor = (rebuild = 'torch._utils\n_rebuild_tensor_v2', storage = 'FloatStorage') =>
  bytesOf(
    `c${rebuild}\n((`,
    text('storage'),
    `ctorch\n${storage}\n`,
    text('0'),
    text('cpu'),
    'K\x02tQK\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR',
  )
const weights = (value: Uint8Array = tensor()) => bytesOf('}', text('w'), value, 's')

/** A file of torch.save that holds a dict of these entries. */
function file(entries: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const items: Part[] = Object.entries(entries).flatMap(([key, value]) => [text(key), value])
  return concatBytes(
    zipChunks([
      ['a/data.pkl', bytesOf('\x80\x02}(', ...items, 'u.')],
      ['a/data/0', new Uint8Array(Float32Array.of(1, 2).buffer)],
    ]),
  )
}

/** MMEngine's message hub: an object with numpy arrays as attributes. */
const historyBuffer = bytesOf(
  'cmmengine.logging.history_buffer\nHistoryBuffer\n)\x81}(',
  text('_log_history'),
  'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85c_codecs\nencode\n',
  text('b'),
  text('latin1'),
  '\x86R\x87R(K\x01K\x01\x85cnumpy\ndtype\n',
  text('f8'),
  '\x89\x88\x87R\x89C\x00tbub',
)

describe('objects of other programs beside the weights', () => {
  test.each<[string, Uint8Array, unknown]>([
    ["MMEngine's history buffers", historyBuffer, 'mmengine.logging.history_buffer.HistoryBuffer'],
    ['dtypes of torch', bytesOf('ctorch\nfloat32\n'), 'torch.float32'],
    ['devices of torch', bytesOf('ctorch\ndevice\n', text('cuda'), '\x85R'), 'torch.device'],
    ['objects by name and keyword', bytesOf('ca\nB\n)}\x92'), 'a.B'],
    ['dicts of a class', bytesOf('ca\nDict\n)R(', text('k'), 'Nu'), 'a.Dict'],
    ['lists of a class', bytesOf('ca\nList\n)R(K\x01e'), 'a.List'],
    ['enumerations', bytesOf('cbuiltins\ngetattr\nca\nE\n', text('x'), '\x86R'), 'builtins.getattr'],
    ['numpy texts', bytesOf(scalar('U2', bytesOf('h\0\0\0i\0\0\0'))), 'hi'],
    ['numpy half floats', bytesOf(scalar('f2', bytesOf('\x00\x3e'))), 1.5],
    ['numpy scalars of unknown kind', bytesOf(scalar('c16', new Uint8Array(16))), 'numpy.core.multiarray.scalar'],
    ['tensors of unknown kind', tensor('torch._utils\n_rebuild_qtensor'), 'torch._utils._rebuild_qtensor'],
    ['storages of unknown kind', tensor(undefined, 'ComplexFloatStorage'), 'torch.ComplexFloatStorage'],
  ])('%s do not stand in the way', (_, object, shown) => {
    const { stateDict, meta } = readCheckpoint(file({ hub: object, state_dict: weights() }))
    expect([...stateDict.keys()]).toEqual(['w'])
    expect([...new Float32Array(stateDict.get('w')!.data.slice().buffer)]).toEqual([1, 2])
    expect(meta.hub).toEqual(shown)
  })

  test('are refused by name where a tensor depends on them', () => {
    const read = (value: Uint8Array) => () => readCheckpoint(file({ state_dict: value }))
    expect(read(weights(historyBuffer))).toThrow(UnsafePickleError)
    expect(read(weights(historyBuffer))).toThrow(/HistoryBuffer/)
    expect(read(weights(tensor('torch._utils\n_rebuild_qtensor')))).toThrow(/_rebuild_qtensor/)
    expect(read(weights(tensor(undefined, 'ComplexFloatStorage')))).toThrow(/torch.ComplexFloatStorage/)
    expect(read(bytesOf('cmine\nStateDict\n)R'))).toThrow(/mine.StateDict/)
    expect(read(weights(scalar('c16', new Uint8Array(16))))).toThrow(UnsupportedCheckpointError)
  })

  test('are refused as a whole model, with what to do instead', () => {
    const model = bytesOf('\x80\x02ctorch.nn.modules.container\nSequential\n)\x81}b.')
    expect(() => readCheckpoint(concatBytes(zipChunks([['a/data.pkl', model]])))).toThrow(/save model.state_dict\(\)/)
  })

  test.each(['os\nsystem', 'builtins\neval', '__builtin__\nexec', 'subprocess\nPopen', 'torch\nload', 'a\n__import__'])(
    'are refused wherever they stand if they do harm: %s',
    (name) => {
      const read = () => readCheckpoint(file({ hub: bytesOf(`c${name}\n`, text('x'), '\x85R'), state_dict: weights() }))
      expect(read).toThrow(UnsafePickleError)
      expect(read).toThrow(name.replace('\n', '.'))
    },
  )

  test('leave an optimizer of another program out', () => {
    const optimizer = bytesOf('cmine\nOptimizer\n)R')
    expect(readCheckpoint(file({ state_dict: weights(), optimizer })).optimizer).toBeNull()
  })
})

describe('names that wrappers have lengthened', () => {
  const names = ['backbone.conv1.weight', 'neck.convs.0.bn.bias', 'head.cls_weight']
  const readNames = (wrapped: readonly string[], key = 'state_dict') => {
    const tensors = new Map(wrapped.map((name) => [name, f32([1], [1])]))
    return [...readCheckpoint(writeTorchZip({ [key]: tensors })).stateDict.keys()]
  }

  test.each(['module.', '_orig_mod.', 'module._orig_mod.', '_forward_module.', 'model.', 'tracker.model.'])(
    'lose %s',
    (prefix) => {
      expect(readNames(names.map((name) => prefix + name))).toEqual(names)
    },
  )

  test('lose it inside too', () => {
    const inside = ['backbone._orig_mod.conv1.weight', 'neck.convs.0._fsdp_wrapped_module.bn.bias', 'head.cls_weight']
    expect(readNames(inside)).toEqual(names)
  })

  test('stay where only some have it', () => {
    expect(readNames(['model.backbone.a', 'backbone.b'])).toEqual(['model.backbone.a', 'backbone.b'])
  })

  test('leave out the averages of an EMAHook, and nothing that only looks like one', () => {
    const averages = names.map((name) => `ema_${name.replaceAll('.', '_')}`)
    expect(readNames([...names, ...averages, 'ema_other'])).toEqual([...names, 'ema_other'])
  })

  test('are found under the other keys that programs use', () => {
    for (const key of ['model', 'model_state_dict', 'net']) expect(readNames(names, key)).toEqual(names)
  })
})

function scalar(code: string, data: Uint8Array): Uint8Array {
  const dtype = bytesOf('cnumpy\ndtype\n', text(code), '\x89\x88\x87R(K\x03', text('<'), 'NNNK\x00K\x00K\x00tb')
  return bytesOf('cnumpy.core.multiarray\nscalar\n', dtype, 'C', data.length, data, '\x86R')
}
