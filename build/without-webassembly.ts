import { replaceOnce } from './replace-once.ts'
import type { Replacing } from './replace-once.ts'

/**
 * Returns a rolldown plugin that lets `long` calculate without WebAssembly, as it does where there is none. Only its
 * multiplication and division use it, and to load it takes a megabyte of memory.
 */
export const withoutWebAssembly = (): Replacing =>
  replaceOnce('without-webassembly', /[\\/]node_modules[\\/]long[\\/]umd[\\/]index\.js$/, [
    ['wasm = new WebAssembly.Instance(', 'wasm = null && new WebAssembly.Instance('],
  ])
