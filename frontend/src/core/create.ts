/** Composes the core: `createModel()` is the one way in. */
import type { Model } from './model'

export function createModel(): Model {
  throw new Error('The core is not composed yet.')
}
