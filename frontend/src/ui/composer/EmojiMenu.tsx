/** The emoji to write, from a button of the composer. */
import { t } from '../../i18n'
import type { AnchorRect } from '../conversations/viewState'
import { EmojiGrid } from '../emoji/EmojiGrid'
import { Menu } from '../primitives/Menu'

export function EmojiMenu({ box, onPick, onClose }: { box: AnchorRect; onPick: (emoji: string) => void; onClose: () => void }) {
  return (
    <Menu label={t('composer.emoji')} box={box} onClose={onClose}>
      <EmojiGrid onPick={onPick} />
    </Menu>
  )
}
