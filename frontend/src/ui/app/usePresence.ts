/** The presence of users: watch it while a view shows them, and read it. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { watchPresence } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { useModel } from './context'

/** Shortly before the subscription ends. */
const RENEW_MS = LIMITS.watch_s * 1000 - 30_000

/** Watch `userIds`, other members of the conversation; the model's `presence` then has theirs. */
export function usePresence(conversation: ConversationModel, userIds: readonly string[]): void {
  const online = useModel().connection.value === 'online'
  const ids = userIds.join()
  useEffect(() => {
    if (ids === '' || !online) return undefined
    const subscribe = () => void conversation.act(watchPresence(ids.split(',')))
    subscribe()
    const timer = setInterval(subscribe, RENEW_MS)
    return () => clearInterval(timer)
  }, [conversation, ids, online])
}

/** Whether the user is online. Changes of other users' presence do not update the view. */
export function useIsOnline(userId: () => string | undefined): ReadonlySignal<boolean> {
  const model = useModel()
  return useComputed(() => model.presence.value.get(userId() ?? '')?.online ?? false)
}
