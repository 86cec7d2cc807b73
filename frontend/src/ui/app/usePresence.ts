/** Watches whether people are there for as long as a view shows them. */
import { useEffect } from 'preact/hooks'
import { watch } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { useModel } from './context'

/** Shortly before the server stops telling. */
const RENEW_MS = LIMITS.watch_s * 1000 - 30_000

/** `userIds`: other members of the conversation. What is known of them then stands in the model's `presence`. */
export function usePresence(conversation: ConversationModel, userIds: readonly string[]): void {
  const online = useModel().connection.value === 'online'
  const wanted = userIds.join()
  useEffect(() => {
    if (wanted === '' || !online) return undefined
    const ask = () => void conversation.act(watch(wanted.split(',')))
    ask()
    const timer = setInterval(ask, RENEW_MS)
    return () => clearInterval(timer)
  }, [conversation, wanted, online])
}
