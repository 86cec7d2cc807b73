/** Users and messages of the fake model. */
import type { User } from '../src/core/net/protocol'

const user = (user_id: string, handle: string, display_name: string): User => ({ user_id, handle, display_name })

export const ME = { ...user('u-me', 'nora', 'Nora Lindqvist'), created_at_ms: 0 }
export const ANA = user('u-ana', 'ana.silva', 'Ana Silva')
export const BEN = user('u-ben', 'ben', 'Ben Okafor')
export const CHIARA = user('u-chiara', 'chiara', 'Chiara Rossi')
export const DMITRI = user('u-dmitri', 'dmitri_v', 'Дмитрий Волков')
export const YAEL = user('u-yael', 'yael', 'יעל כהן')
export const HIRO = user('u-hiro', 'hiro', '田中 弘')
export const LONG = user('u-long', 'a.very.long.handle_of_30_chars', 'Maximiliana Featherstonehaugh-Cholmondeley von Hohenzollern')
export const USERS = [ANA, BEN, CHIARA, DMITRI, YAEL, HIRO, LONG]

/** Author, minutes before now, body; oldest first. */
export type Line = [author: User, minutesAgo: number, body: string]

export const DIRECT: Line[] = [
  [ANA, 2 * 1440 + 300, 'Hi Nora! Did you get around to the venue list?'],
  [ME, 2 * 1440 + 296, 'Yes, it is here: https://example.com/venues?city=lisbon&max=120 (the second tab has prices).'],
  [ME, 2 * 1440 + 295, 'I liked number 3 best.'],
  [ANA, 2 * 1440 + 280, 'Same. The light in that room is lovely, and it has a terrace, which matters in June. I would book it before someone else does.'],
  [ANA, 2 * 1440 + 279, '👍'],
  [ME, 1440 + 120, 'Booked. They want a deposit by Friday, so I asked Ben to arrange the transfer.\n\nDetails:\n  • 120 seats\n  • projector, two microphones\n  • coffee included'],
  [ANA, 1440 + 90, 'You are quick! Thank you.'],
  [ANA, 95, 'Morning ☀️'],
  [ANA, 94, 'Ben says the transfer went through.'],
  [ANA, 93, 'So we are done?'],
  [ME, 40, 'Done!'],
  [ME, 39, '🎉🎉'],
  [ANA, 12, 'Lunch on Thursday to celebrate? The place by the river has opened again.'],
  [ME, 3, 'With pleasure. 12:30 at the bridge?'],
]

export const GROUP: Line[] = [
  [BEN, 1440 + 400, 'Deploy is green on staging.'],
  [CHIARA, 1440 + 396, 'Nice. I’ll run the smoke tests.'],
  [CHIARA, 1440 + 395, 'One flake in the export test, everything else passes.'],
  [BEN, 1440 + 380, 'The flake is https://example.com/issues/1482, I have a fix in review.'],
  [ME, 1440 + 371, 'Reviewed, looks good to me.'],
  [DMITRI, 190, 'Доброе утро! Кто-нибудь уже смотрел на графики за ночь?'],
  [BEN, 186, 'Yes: p99 went from 38 ms to 24 ms.'],
  [YAEL, 150, 'איזה יופי! מתי מעלים לכולם?'],
  [HIRO, 149, '今日の午後でいいと思います。'],
  [CHIARA, 61, 'Release notes are ready for a look. I kept them short: three fixes, one new thing, and a thank-you to the people who reported the reconnect bug.'],
  [BEN, 60, 'aVeryLongIdentifierThatABuildToolPrintedWithoutSpaces_'.repeat(4)],
  [CHIARA, 9, 'Shall we ship at three?'],
]
