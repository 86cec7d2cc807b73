/** A question in place before something that cannot be taken back. */
import { useSignal } from '@preact/signals'
import type { Outcome } from '../../core/model'
import { Button } from './Button'

interface Props {
  question: string
  yes: string
  no: string
  onYes: () => Outcome
  onNo: () => void
}

export function Ask({ question, yes, no, onYes, onNo }: Props) {
  const busy = useSignal(false)
  const problem = useSignal<string | null>(null)
  const agree = async () => {
    busy.value = true
    problem.value = (await onYes())?.message ?? null
    busy.value = false
  }
  return (
    <div class="ask" role="group" aria-label={question}>
      <p>{question}</p>
      {problem.value && <p class="complaint" role="alert">{problem.value}</p>}
      <div class="ask-answers">
        <Button autofocus onClick={onNo}>{no}</Button>
        <Button kind="danger" busy={busy.value} onClick={() => void agree()}>{yes}</Button>
      </div>
    </div>
  )
}
