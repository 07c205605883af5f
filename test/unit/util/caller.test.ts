import { expect, onTestFinished, test } from 'vitest'
import { captureCaller, withFramesOf } from '../../../src/util/caller.ts'

function entry() {
  return captureCaller(entry)
}

function application() {
  return entry()
}

test('withFramesOf gives an error the frames of the caller, below its own name and message', () => {
  const error = withFramesOf(application(), new RangeError('no list'))
  const [first, second] = (error.stack ?? '').split('\n')
  expect(first).toBe('RangeError: no list')
  expect(second).toMatch(/^ {4}at application \(.*caller\.test\.ts:\d+:\d+\)$/)
})

test('withFramesOf keeps the stack of an error when the application has replaced Error.prepareStackTrace', () => {
  const original = Reflect.get(Error, 'prepareStackTrace')
  onTestFinished(() => void Reflect.set(Error, 'prepareStackTrace', original))
  const error = new Error('no list')
  const { stack } = error
  Error.prepareStackTrace = (_error, frames) => frames
  expect(withFramesOf(application(), error).stack).toBe(stack)
})

test('withFramesOf keeps the stack of an error when there are no frames', () => {
  const limit = Error.stackTraceLimit
  onTestFinished(() => void (Error.stackTraceLimit = limit))
  Error.stackTraceLimit = 0
  const caller = application()
  const error = new Error('no list')
  expect(withFramesOf(caller, error).stack).toBe(error.stack)
})
