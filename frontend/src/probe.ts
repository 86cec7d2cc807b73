import { createModel } from './core/create'
Object.assign(globalThis, { model: createModel() })
