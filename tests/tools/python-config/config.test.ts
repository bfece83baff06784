import { describe, expect, test } from 'vitest'
import { readPythonConfig } from '../../../tools/python-config/config.ts'
import { PythonConfigError } from '../../../tools/python-config/errors.ts'

type Files = Readonly<Record<string, string>>

/** Reads `/configs/main.py` of made-up files. */
async function readFiles(files: Files, main = '/configs/main.py') {
  return await readPythonConfig(main, {
    resolve: (from, path) => new URL(path, `file://${from}`).pathname,
    read: async (file) => {
      if (files[file] === undefined) throw new Error(`no file ${file}`)
      return files[file]
    },
  })
}

async function read(text: string): Promise<Readonly<Record<string, unknown>>> {
  return (await readFiles({ '/configs/main.py': text })).entries
}

/** The value of an expression. */
async function evaluate(expression: string, before = ''): Promise<unknown> {
  return (await read(`${before}\nx = ${expression}`)).x
}

async function failure(files: Files | string): Promise<PythonConfigError> {
  try {
    await readFiles(typeof files === 'string' ? { '/configs/main.py': files } : files)
  } catch (error) {
    if (error instanceof PythonConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

describe('literals', () => {
  test.each([
    ['True', true],
    ['False', false],
    ['None', null],
    ['12', 12],
    ['600_000', 600000],
    ['0x1F', 31],
    ['0o17', 15],
    ['0b101', 5],
    ['0.', 0],
    ['.5', 0.5],
    ['1e-3', 0.001],
    ['512.', 512],
    ['1_0.5e+1_0', 10.5e10],
    ['-0.33', -0.33],
    ['[]', []],
    ['()', []],
    ['(1)', 1],
    ['(1,)', [1]],
    ['1, 2', [1, 2]],
    ['1,', [1]],
    ['[1, (2, [3]), ]', [1, [2, [3]]]],
    ['{}', {}],
    ["{'a': 1, 'b.c': {'d': None}, }", { a: 1, 'b.c': { d: null } }],
  ])('%s', async (text, expected) => {
    expect(await evaluate(text)).toEqual(expected)
  })

  test.each([
    [String.raw`'it\'s'`, "it's"],
    [String.raw`"tab\t, \x41\u00e9\U0001F600\101 \d"`, 'tab\t, Aé😀A \\d'],
    [String.raw`r'\d+\n'`, String.raw`\d+\n`],
    ["'a' \"b\"  '''c'''", 'abc'],
    ["'''two\nlines with 'quotes' '''", "two\nlines with 'quotes' "],
    ['"""a""b"""', 'a""b'],
    ["'a\\\nb'", 'ab'],
    ["'# no comment'", '# no comment'],
    ["'{ 1 } {{ name }}'", '{ 1 } {{ name }}'],
    ["''", ''],
  ])('text %s', async (text, expected) => {
    expect(await evaluate(text)).toBe(expected)
  })

  test('f-strings put in names, as Python writes their values', async () => {
    const before = "root = 'data/'\nn = 20\nlr = 1.0\nsmall = 0.00001\nbig = 1e16"
    expect(await evaluate("f'{root}x_{n}_{ lr }_{small}_{big}_{{}}' '{n}'", before)).toBe(
      'data/x_20_1.0_1e-05_1e+16_{}{n}',
    )
  })

  test.each(["f'{n + 1}'", "f'{n!r}'", "f'{n:3d}'", "f'}'", "f'{}'"])('%s is refused', async (text) => {
    expect((await failure(`n = 1\nx = ${text}`)).message).toMatch(/main\.py:2: only names are read in the braces/)
  })

  test.each([
    "b'a'",
    "'open",
    "'a\nb'",
    '"""open',
    '1j',
    '007',
    '1__0',
    '0x',
    '1e999',
    '9'.repeat(17),
    '$',
    'a!',
    String.raw`'\N{DASH}'`,
  ])('%s is refused', async (text) => {
    expect((await failure(`\nx = ${text}`)).line).toBe(2)
  })
})

describe('expressions', () => {
  test.each([
    ["'a' + 'b' + 'c'", 'abc'],
    ["'ab' * 2", 'abab'],
    ['[0.] * 4', [0, 0, 0, 0]],
    ['2 * [[1]]', [[1], [1]]],
    ['[1] * -1', []],
    ['[1] + [2] + (3,)', [1, 2, 3]],
    ['1 + 2 * 3 - 4', 3],
    ['(1 + 2) * 3', 9],
    ['2 ** 3 ** 2', 512],
    ['-2 ** 2', -4],
    ['2 ** -1', 0.5],
    ['7 / 2', 3.5],
    ['7 // 2', 3],
    ['-7 // 2', -4],
    ['-7 % 3', 2],
    ['7 % -3', -2],
    ['7.5 // 2', 3],
    ['-0.5 % 3', 2.5],
    ['+-+1', -1],
    ['True + 1', 2],
    ['[10, 20, 30][-1]', 30],
    ["dict(a=[dict(b=5)])['a'][0]['b']", 5],
  ])('%s', async (text, expected) => {
    expect(await evaluate(text)).toEqual(expected)
  })

  test('integers and floats are told apart as in Python', async () => {
    expect(await evaluate("f'{a} {b} {c}'", 'a = 4 / 2\nb = 4 // 2\nc = 4 // 2.0')).toBe('2.0 2 2.0')
  })

  test.each([
    ["'a' + 1", /\+ is not read between str and int/],
    ['[1] * 1.5', /found float, expected int/],
    ["'%s' % 1", /% is not read between str and int/],
    ['{} + {}', /\+ is not read between dict and dict/],
    ['-[]', /- is not read before list/],
    ['1 / 0', /division by zero/],
    ['1 % 0', /division by zero/],
    ['2 ** 53', /too large/],
    ['2.0 ** 2000', /too large/],
    ['(-8) ** 0.5', /too large, or none/],
    ['[1][1]', /no entry 1 in a list of 1/],
    ["dict(a=1)['b']", /no entry 'b'/],
    ['5[0]', /int has no entries/],
  ])('%s is refused', async (text, message) => {
    expect((await failure(`x = ${text}`)).message).toMatch(message)
  })
})

describe('calls', () => {
  test.each([
    ['dict()', {}],
    ["dict(type='A', n=1,)", { type: 'A', n: 1 }],
    ["dict({'a': 1}, b=2)", { a: 1, b: 2 }],
    ["dict([('a', 1), ['b', 2]])", { a: 1, b: 2 }],
    ["dict(**{'a': 1}, b=2)", { a: 1, b: 2 }],
    ["{**{'a': 1, 'b': 2}, 'b': 3}", { a: 1, b: 3 }],
    ['[0, *[1, 2], *(3,)]', [0, 1, 2, 3]],
    ['list((1, 2))', [1, 2]],
    ['tuple(range(3))', [0, 1, 2]],
    ['list(range(5, 0, -2))', [5, 3, 1]],
    ['list()', []],
    ['range(1, 4)', [1, 2, 3]],
  ])('%s', async (text, expected) => {
    expect(await evaluate(text)).toEqual(expected)
  })

  test.each([
    [
      "x = __import__('os').system('true')",
      /__import__\(\.\.\.\) is refused, only dict, list, tuple, range may be called/,
    ],
    ["x = [open('/etc/passwd')]", /open\(\.\.\.\) is refused/],
    ["x = eval('1')", /eval\(\.\.\.\) is refused/],
    ["x = ''.join(['a'])", /attributes and methods are refused/],
    ['x = dict(a=1).items', /attributes and methods are refused/],
    ['x = dict(a=1)(b=2)', /only dict, list, tuple, range may be called/],
    ['x = dict(a=1, a=2)', /a is given twice/],
    ['x = dict(a=1, 2)', /found 2, expected name=value/],
    ['x = dict(1)', /found int, expected list/],
    ['x = dict([1])', /pairs of key and value/],
    ['x = list(a=1)', /list\(\) takes no names/],
    ['x = tuple(1, 2)', /takes one value, found 2/],
    ["x = list('abc')", /found str, expected list/],
    ['x = range(1, 2, 0)', /no step of 0/],
    ['x = range(1.0)', /found float, expected int/],
    ['x = dict(**[1])', /found list, expected dict/],
    ["x = {'__proto__': 1}", /__proto__ is no key/],
    ['x = dict(__proto__=1)', /__proto__ is no key/],
    ['x = {1: 2}', /keys are str here, found int/],
    ['x = {1, 2}', /expected :/],
  ])('%s is refused', async (text, message) => {
    expect((await failure(text)).message).toMatch(message)
  })
})

describe('files', () => {
  test('assignments see those before them, comments and line ends stand anywhere between brackets', async () => {
    const entries = await read(
      [
        "'''A comment.'''",
        '# another one',
        'crop_size = 511  # pixels',
        'a = b = crop_size; c = [a]',
        'model = dict(  ## first',
        "    type='X',",
        '    checkpoint=  # noqa: E251',
        "    'https://'  # noqa",
        "    'host'",
        '',
        ', size=crop_size )',
        'total = 1 + \\',
        '    2',
        "c_text = 'x'",
        "c_text += 'y'",
        'total *= 2',
        '',
      ].join('\r\n'),
    )
    expect(entries).toEqual({
      crop_size: 511,
      a: 511,
      b: 511,
      c: [511],
      model: { type: 'X', checkpoint: 'https://host', size: 511 },
      total: 6,
      c_text: 'xy',
    })
  })

  test('names that other assignments refer to are told', async () => {
    const { used } = await readFiles({
      '/configs/main.py': "lr = 1\nroot = 'x'\nn = 2\na = dict(lr=lr)\nb = f'{root}'",
    })
    expect([...used].sort()).toEqual(['lr', 'root'])
  })

  test('names that begin with two underscores are left out, as in mmcv', async () => {
    expect(await read("__author__ = 'x'\n_kept = 1")).toEqual({ _kept: 1 })
  })

  test('a byte order mark is passed over', async () => {
    expect(await read('\uFEFFa = 1')).toEqual({ a: 1 })
  })

  test('dict((name=value) is read with and without the bracket that closes it', async () => {
    const expected = { lr_config: { policy: 'x', list: [1] }, next: 2 }
    expect(await read("lr_config = dict((  # hook\n    policy='x',\n    list=[1])\n# saving\nnext = 2\n")).toEqual(
      expected,
    )
    expect(await read("lr_config = dict((policy='x', list=[1]))\nnext = 2")).toEqual(expected)
    expect(await read('x = dict(a=dict((b=1)), c=dict((d=2)\n), e=3)')).toEqual({
      x: { a: { b: 1 }, c: { d: 2 }, e: 3 },
    })
  })

  test.each([
    ['import os', /`import` is refused/],
    ['from mmcv import Config', /`from` is refused/],
    ['if True:\n    x = 1', /`if` is refused/],
    ['for x in range(3): y = x', /`for` is refused/],
    ['def f(): pass', /`def` is refused/],
    ['del x', /`del` is refused/],
    ['x = [i for i in range(3)]', /`for` is refused/],
    ['x = 1 if True else 2', /`if` is refused/],
    ['x = lambda: 1', /`lambda` is refused/],
    ['x = not True', /`not` is refused/],
    ["print('x')", /expected name = value/],
    ['x.append(1)', /expected name = value/],
    ['x[0] = 1', /expected name = value/],
    ['a, b = 1, 2', /expected name = value/],
    ['x: int = 1', /expected name = value/],
    ['None = 1', /None cannot be assigned to/],
    ['x = y', /y is not defined before this line/],
    ['x += 1', /x has no value before/],
    ['x = 1 < 2', /found <, expected the end of the line/],
    ['x = 1 2', /found 2, expected the end of the line/],
    ['x = ', /found the end of the line, expected a value/],
    ['x = [1, 2', /found the end of the file, expected , or \] \(to close \[ of line 1\)/],
    ['  x = 1', /unexpected indentation/],
    ['x = 1\n  y = 1', /unexpected indentation/],
    ["x = '{{ $HOME:x }}'", /environment variables are not read/],
    ['x = {{ fileDirname }}', /fileDirname is not defined|expected \{\{ _base_/],
  ])('%s is refused', async (text, message) => {
    expect((await failure(text)).message).toMatch(message)
  })

  test('a list that grows in place is refused: other entries may hold it', async () => {
    expect((await failure('a = [1]\na += [2]')).message).toMatch(/write out the new value: name = name \+ value/)
  })

  test('a forgotten bracket is found where the next assignment begins', async () => {
    const { line, message } = await failure('model = dict(\n    a=dict(b=1,\n    c=2)\n\noptimizer = dict(lr=1)')
    expect(line).toBe(5)
    expect(message).toMatch(/found optimizer, expected , or \) \(to close \( of line 1\)/)
  })

  test('the message shows the place', async () => {
    const error = await failure("# a comment\nmodel = dict(\n    type='X',\n    n=len('abc'))\n")
    expect(error.file).toBe('/configs/main.py')
    expect(error.line).toBe(4)
    expect(error.message.split('\n').slice(1)).toEqual(["      n=len('abc'))", '        ^'])
    expect(error.message).toMatch(/^\/configs\/main\.py:4: len\(\.\.\.\) is refused/)
  })

  test('of a long line the part around the place is shown', async () => {
    const [, source, mark] = (await failure(`x = [${'1, '.repeat(500)}y, ${'2, '.repeat(500)}]`)).message.split('\n')
    expect(source!.length).toBeLessThan(110)
    expect(source![mark!.indexOf('^')]).toBe('y')
  })
})

describe('_base_', () => {
  const base = 'a = 1\nmodel = dict(type="M", head=dict(type="H", n=[1, 2], k=3))\nlr = 0.1\nopt = dict(lr=lr)'

  test('dicts are merged entry by entry, everything else is replaced', async () => {
    const { entries } = await readFiles({
      '/configs/main.py': "_base_ = './base.py'\na = [5]\nmodel = dict(head=dict(n=[9], extra=None), neck=dict(x=1))",
      '/configs/base.py': base,
    })
    expect(entries).toEqual({
      a: [5],
      model: { type: 'M', head: { type: 'H', n: [9], k: 3, extra: null }, neck: { x: 1 } },
      lr: 0.1,
      opt: { lr: 0.1 },
    })
  })

  test('_delete_=True replaces a dict as a whole', async () => {
    const { entries } = await readFiles({
      '/configs/main.py':
        "_base_ = './base.py'\nmodel = dict(head=dict(_delete_=True, type='Other', o=dict(_delete_=True, p=1)))",
      '/configs/base.py': base,
    })
    expect(entries.model).toEqual({ type: 'M', head: { type: 'Other', o: { p: 1 } } })
  })

  test('several files, each based on others in other folders', async () => {
    const { entries, used } = await readFiles({
      '/configs/main.py': "_base_ = ['./sub/base.py', '../runtime.py']\nb = {{ _base_.model.head.k }} + _base_.a",
      '/configs/sub/base.py': `_base_ = ['deep.py']\n${base}`,
      '/configs/sub/deep.py': "model = dict(deep=True, type='Deep')",
      '/runtime.py': "log_level = 'INFO'",
    })
    expect(entries).toMatchObject({ b: 4, log_level: 'INFO', model: { deep: true, type: 'M' } })
    expect([...used].sort()).toEqual(['a', 'lr', 'model'])
  })

  test('the names of a base are no names of the file', async () => {
    const error = await failure({ '/configs/main.py': "_base_ = './base.py'\nb = a", '/configs/base.py': base })
    expect(error.message).toMatch(/main\.py:2: a is not defined before this line/)
  })

  test.each<[string, Files, RegExp]>([
    [
      'a circle',
      { '/configs/main.py': "_base_ = 'b.py'", '/configs/b.py': "_base_ = './main.py'" },
      /b\.py:1: _base_ leads in a circle: \/configs\/main\.py -> \/configs\/b\.py -> \/configs\/main\.py/,
    ],
    ['itself', { '/configs/main.py': "_base_ = 'main.py'" }, /leads in a circle/],
    ['a missing file', { '/configs/main.py': "\n_base_ = 'none.py'" }, /main\.py:2: _base_ cannot be read: no file/],
    ['a file that is no Python', { '/configs/main.py': "_base_ = 'a.yaml'" }, /names Python files, found a\.yaml/],
    ['no path', { '/configs/main.py': '_base_ = [1]' }, /a path or a list of paths, found int/],
    [
      'files with an entry in common',
      { '/configs/main.py': "_base_ = ['a.py', 'b.py']", '/configs/a.py': 'x = 1', '/configs/b.py': 'x = 1' },
      /two files of _base_ have x/,
    ],
    [
      'a dict over a value',
      { '/configs/main.py': "_base_ = 'base.py'\nmodel = dict(head=dict(k=dict(z=1)))", '/configs/base.py': base },
      /main\.py:2: model\.head\.k is a dict, but int in _base_; _delete_=True/,
    ],
    [
      'an entry that is missing',
      { '/configs/main.py': "_base_ = 'base.py'\nx = {{ _base_.model.neck }}", '/configs/base.py': base },
      /have no model\.neck/,
    ],
    [
      'an error in a base',
      { '/configs/main.py': "_base_ = 'b.py'", '/configs/b.py': '\nimport os' },
      /b\.py:2: `import`/,
    ],
    ['nothing yet', { '/configs/main.py': 'x = _base_.a' }, /_base_ is not set before this line/],
    ['{{ }} in quotes', { '/configs/main.py': "x = '{{ _base_.a }}'" }, /outside of quotes/],
  ])('%s is refused', async (_, files, message) => {
    expect((await failure(files)).message).toMatch(message)
  })

  test('predefined variables stand for the parts of the path of the file that they are in', async () => {
    const text =
      "d = '{{ fileDirname }}'\nb = r'{{fileBasename}}'\nwork_dir = f'./w/{{ fileBasenameNoExtension }}{{fileExtname}}'"
    const { entries } = await readFiles({ '/configs/main.py': "_base_ = '../base/b.v1.py'", '/base/b.v1.py': text })
    expect(entries).toEqual({ d: '/base', b: 'b.v1.py', work_dir: './w/b.v1.py' })
  })
})

describe('files that mean harm', () => {
  const doubling = (first: string, next: (name: string) => string, times: number) =>
    [`a0 = ${first}`, ...Array.from({ length: times }, (_, i) => `a${i + 1} = ${next(`a${i}`)}`)].join('\n')

  test.each([
    ['nested brackets', `x = ${'['.repeat(100_000)}`, /nested more than 64 deep/],
    ['nested calls', `x = ${'dict(a='.repeat(5000)}1${')'.repeat(5000)}`, /nested more than 64 deep/],
    ['signs', `x = ${'-'.repeat(100_000)}1`, /nested more than 64 deep/],
    ['powers', `x = ${'2 ** '.repeat(50_000)}2`, /nested more than 64 deep/],
    ['nested indices', `x = ${'[0][['.repeat(1000)}`, /nested more than 64 deep/],
    ['nesting by names', doubling('[]', (name) => `[${name}]`, 200), /values nested more than 100 deep/],
    ['a huge list', 'x = [0] * 10 ** 9', /grows too large/],
    ['a huge list of lists', 'x = [[0] * 1000] * 1000 * 1000', /grows too large/],
    ['a huge text', "x = 'ab' * 10 ** 9", /grows too large/],
    ['a huge range', 'x = range(10 ** 12)', /grows too large/],
    ['an infinite range', 'x = range(0, 9007199254740991)', /grows too large/],
    ['doubled lists', doubling('[1]', (name) => `${name} + ${name}`, 60), /grows too large/],
    ['doubled texts', doubling("'x'", (name) => `${name} + ${name}`, 60), /grows too large/],
    ['shared lists', doubling('[1]', (name) => `[${name}, ${name}]`, 60), /grows too large/],
    ['shared dicts', doubling('dict(a=1)', (name) => `dict(a=${name}, b=dict(**${name}))`, 60), /grows too large/],
    ['many names for much', `big = [0] * 10000\n${'y = '.repeat(20_000)}big`, /grows too large/],
    ['a tower of powers', 'x = 9 ** 9 ** 9', /too large/],
    ['a power of a large number', 'x = 10 ** 15 ** 1 ** 1 * 10 ** 15', /too large/],
    ['many digits', `x = ${'9'.repeat(500_000)}`, /is not a number that is read here/],
    ['many zeros', `x = ${'0'.repeat(500_000)}x`, /is not a number that is read here/],
    ['a long file', `x = 1\n${'#'.repeat(2 ** 20)}`, /expected a configuration of at most 1048576/],
    ['a class behind a literal', 'x = ().__class__.__bases__', /attributes and methods are refused/],
    ['a format string', "x = '{0.__class__}'.format(1)", /attributes and methods are refused/],
  ])('%s', async (_, text, message) => {
    expect((await failure(text)).message).toMatch(message)
  })

  test('many files', async () => {
    const chain = Array.from({ length: 200 }, (_, i): [string, string] => [
      `/configs/${i}.py`,
      `_base_ = '${i + 1}.py'`,
    ])
    const error = await failure({ '/configs/main.py': "_base_ = '0.py'", ...Object.fromEntries(chain) })
    expect(error.message).toMatch(/more than 100 files/)
  })

  test('much on one line is only much', async () => {
    const entries = await read(`${'a = 1;'.repeat(20_000)}b = ${'1 + '.repeat(20_000)}1`)
    expect(entries).toEqual({ a: 1, b: 20_001 })
  })
})
