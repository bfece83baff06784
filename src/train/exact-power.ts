// Powers and logarithms of doubles, correctly rounded, by fixed-point arithmetic on big integers: Math.pow may differ from
// one JavaScript engine to the next in the last bit, and learning rates must not. Slow and short: a schedule needs dozens.
//   ln(2^k z) = k ln 2 + 2 artanh((z - 1) / (z + 1));   exp(k ln 2 + r) = 2^k (1 + r + r^2 / 2 + ...)

const BITS = 160
const SHIFT = BigInt(BITS)
const ONE = 1n << SHIFT

/** `base` to the power of `exponent`, for a finite base above 0 and results in the normal range of doubles. */
export function exactPower(base: number, exponent: number): number {
  const log = (fixed(exponent) * naturalLog(base)) >> SHIFT
  const turns = log / LN2
  return Number(exponential(log - turns * LN2)) * 2 ** (Number(turns) - BITS)
}

/** The decimal logarithm of a finite number above 0. */
export function exactLog10(value: number): number {
  return Number((naturalLog(value) << SHIFT) / LN10) * 2 ** -BITS
}

const LN2 = 2n * artanh(ONE / 3n)
const LN10 = naturalLog(10)

/** The number in steps of 2^-160; exact for those of at least 2^-107. */
function fixed(value: number): bigint {
  const exponent = exponentOf(value)
  const mantissa = BigInt(value * 2 ** (52 - exponent))
  const shift = BigInt(BITS + exponent - 52)
  return shift >= 0n ? mantissa << shift : mantissa >> -shift
}

function exponentOf(value: number): number {
  if (value === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(value)))
  return Math.abs(value) < 2 ** exponent ? exponent - 1 : exponent
}

function naturalLog(value: number): bigint {
  const exponent = exponentOf(value)
  const z = fixed(value * 2 ** -exponent)
  return BigInt(exponent) * LN2 + 2n * artanh(((z - ONE) << SHIFT) / (z + ONE))
}

function artanh(x: bigint): bigint {
  const square = (x * x) >> SHIFT
  let sum = 0n
  let power = x
  for (let n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n
    power = (power * square) >> SHIFT
  }
  return sum
}

function exponential(x: bigint): bigint {
  let sum = 0n
  let term = ONE
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    sum += term
    term = ((term * x) >> SHIFT) / n
  }
  return sum
}
