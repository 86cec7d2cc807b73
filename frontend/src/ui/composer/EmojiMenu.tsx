/** The composer's emoji menu. */
import { t } from '../../i18n'
import { EmojiGrid } from '../emoji/EmojiGrid'
import { Menu, type AnchorRect } from '../primitives/Menu'

export function EmojiMenu({ anchorRect, onPick, onClose }: { anchorRect: AnchorRect; onPick: (emoji: string) => void; onClose: () => void }) {
  return (
    <Menu label={t('composer.emoji')} anchorRect={anchorRect} onClose={onClose}>
      <EmojiGrid onPick={onPick} />
    </Menu>
  )
}
