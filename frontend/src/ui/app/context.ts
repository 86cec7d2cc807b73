/** Hands the model to every view below, and says who a person is. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Model } from '../../core/model'
import type { Me, User } from '../../core/net/protocol'
import { t } from '../../i18n'

export const ModelContext = createContext<Model | null>(null)

export function useModel(): Model {
  const model = useContext(ModelContext)
  if (!model) throw new Error('a view was rendered outside <App>')
  return model
}

/** Me, inside the views that exist only while signed in. */
export function useMe(): Me {
  const session = useModel().session.value
  if (session.state !== 'signed-in') throw new Error('a view for members was rendered while signed out')
  return session.me
}

export function displayName(user: User): string {
  return user.display_name || user.handle || t('user.unknown')
}
