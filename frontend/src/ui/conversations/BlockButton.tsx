/** Blocks somebody, and takes it back. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { BlocksAnswer } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Button } from '../primitives/Button'

export function BlockButton({ userId, name }: { userId: string; name: string }) {
  const model = useModel()
  const blocked = useSignal<boolean | null>(null)
  useEffect(() => {
    void model
      .ask(async ({ http }) => {
        for (let cursor: string | undefined; ; ) {
          const page: BlocksAnswer = await http.get('/blocks', { cursor })
          if (page.blocks.some((block) => block.user_id === userId)) return true
          cursor = page.next_cursor
          if (!cursor) return false
        }
      })
      .then((found) => (blocked.value = 'answer' in found ? found.answer : null))
  }, [model, userId])
  const set = async (on: boolean) => {
    const done = await model.ask(({ http }) => http.send(on ? 'PUT' : 'DELETE', `/blocks/${encodeURIComponent(userId)}`))
    if ('problem' in done) return done.problem
    blocked.value = on
    return null
  }
  if (blocked.value === null) return null
  if (!blocked.value) {
    return <ConfirmButton label={t('block.block', { name })} question={t('block.ask', { name })} no={t('action.cancel')} onYes={() => set(true)} />
  }
  return (
    <div class="section-row">
      <p class="section-text">{t('block.blocked', { name })}</p>
      <Button onClick={() => void set(false)}>{t('block.unblock')}</Button>
    </div>
  )
}
