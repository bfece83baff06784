// The log as text, one line per interval in the words of mmcv's TextLoggerHook, and the same as JSON lines, as mmcv's
// `.log.json`. Source: mmcv/runner/hooks/logger/text.py.

import { Logger, type LogRecord } from './log-record.ts'

export interface TextLoggerOptions {
  /** Iterations between two lines. */
  readonly interval: number
  /** Takes a line of text. */
  readonly write: (line: string) => void
  /** Takes a line of JSON. */
  readonly writeJson: (line: string) => void
  /** Bytes of device memory, the most so far. */
  readonly memory: () => number
}

const megabyte = 1024 ** 2

export class TextLogger extends Logger {
  readonly #options: TextLoggerOptions

  constructor(options: TextLoggerOptions) {
    super(options.interval)
    this.#options = options
  }

  protected record(record: LogRecord): void {
    const memory = Math.round(this.#options.memory() / megabyte)
    this.#options.write(textLine(record, memory))
    const { mode, epoch, iteration, rates, scaling, values } = record
    const facts = { mode, epoch, iter: iteration, ...rates, memory, ...rounded(values), ...scaling }
    this.#options.writeJson(JSON.stringify(facts))
  }
}

/** `Epoch [1][50/1000]	lr: 1.000e-03, eta: 1:02:03, time: 0.500, data_time: 0.010, memory: 300, loss: 0.6931` */
function textLine(record: LogRecord, memory: number): string {
  const { mode, epoch, iteration, iterationsPerEpoch, rates, eta, values, scaling = {} } = record
  const { time, data_time, ...others } = values
  const facts = [
    ...Object.entries(rates).map(([name, rate]) => `${name}: ${scientific(rate)}`),
    ...(eta === undefined ? [] : [`eta: ${duration(eta)}`]),
    ...(time === undefined ? [] : [`time: ${time.toFixed(3)}, data_time: ${(data_time ?? 0).toFixed(3)}`]),
    ...(mode === 'train' ? [`memory: ${memory}`] : []),
    ...Object.entries(others).map(([name, value]) => `${name}: ${value.toFixed(4)}`),
    ...Object.entries(scaling).map(([name, value]) => `${name}: ${value}`),
  ]
  const place = mode === 'train' ? `Epoch [${epoch}][${iteration}/${iterationsPerEpoch}]` : `Epoch(val) [${epoch}]`
  return `${place}\t${facts.join(', ')}`
}

/** `1.000e-03`, as Python prints it. */
function scientific(value: number): string {
  return value.toExponential(3).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** `1 day, 2:03:04`, as Python's timedelta. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const days = Math.floor(whole / 86400)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = `${Math.floor((whole % 86400) / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`
  return days === 0 ? clock : `${days} day${days === 1 ? '' : 's'}, ${clock}`
}

function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value.toFixed(5))]))
}

/** `2026-11-22 17:00:00,123 - siamrpn - INFO - <text>`, local time. */
export function stamped(text: string, now = new Date()): string {
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0')
  const date = `${now.getFullYear()}-${part(now.getMonth() + 1)}-${part(now.getDate())}`
  const time = `${part(now.getHours())}:${part(now.getMinutes())}:${part(now.getSeconds())},${part(now.getMilliseconds(), 3)}`
  return `${date} ${time} - siamrpn - INFO - ${text}`
}

/** `20261122_170000`: what the log files of a run are called. */
export function fileStamp(now = new Date()): string {
  const part = (value: number) => String(value).padStart(2, '0')
  const date = `${now.getFullYear()}${part(now.getMonth() + 1)}${part(now.getDate())}`
  return `${date}_${part(now.getHours())}${part(now.getMinutes())}${part(now.getSeconds())}`
}
