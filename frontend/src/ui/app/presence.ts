/** Watches whether somebody is there for as long as a view shows it. */
import { useEffect } from 'preact/hooks'
import { watch } from '../../core/deeds'
import type { ConversationModel } from '../../core/model'
import type { Presence } from '../../core/protocol'
import { useModel } from './context'

/** Shortly before the server stops telling. */
const AGAIN_MS = 4.5 * 60_000

export function usePresence(conversation: ConversationModel, userId: string | undefined): Presence | undefined {
  const model = useModel()
  const online = model.connection.value === 'online'
  useEffect(() => {
    if (userId === undefined || !online) return undefined
    const ask = () => void conversation.act(watch([userId]))
    ask()
    const timer = setInterval(ask, AGAIN_MS)
    return () => clearInterval(timer)
  }, [conversation, userId, online])
  return userId === undefined ? undefined : model.presence.value.get(userId)
}
