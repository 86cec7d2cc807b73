/** The model, as a context for every view. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Model } from '../../core/model'
import type { Me } from '../../core/net/protocol'

export const ModelContext = createContext<Model | null>(null)

export function useModel(): Model {
  const model = useContext(ModelContext)
  if (!model) throw new Error('useModel() outside <App>')
  return model
}

/** Return the user's own profile, in views that show only while signed in. */
export function useMe(): Me {
  const session = useModel().session.value
  if (session.state !== 'signed-in') throw new Error('useMe() while signed out')
  return session.me
}
