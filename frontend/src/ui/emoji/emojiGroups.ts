/** The emoji of the grid: a selection of Unicode's, fully qualified and without skin tones. */

const split = (row: string): string[] => row.split(' ')

export const GROUPS = [
  {
    key: 'faces',
    emoji: split(
      '😀 😃 😄 😁 😆 😅 🤣 😂 🙂 🙃 😉 😊 😇 🥰 😍 🤩 😘 😗 😚 😙 😋 😛 😜 🤪 😝 🤑 🤗 🤭 🤫 🤔 🤐 🤨 😐 😑 😶 😏 😒 🙄 😬 🤥 😌 😔 😪 🤤 😴 😷 🤒 🤕 🤢 🤮 🤧 🥵 🥶 🥴 😵 🤯 🤠 🥳 😎 🤓 🧐 😕 😟 🙁 😮 😯 😲 😳 🥺 😦 😧 😨 😰 😥 😢 😭 😱 😖 😣 😞 😓 😩 😫 🥱 😤 😡 😠 🤬 😈 👿 💀 💩 🤡 👻 👽 🤖 😺 😸 😹 😻 🙀 😿 🙈 🙉 🙊',
    ),
  },
  {
    key: 'people',
    emoji: split('👍 👎 👌 ✌️ 🤞 🤟 🤘 🤙 👈 👉 👆 👇 ☝️ 👋 🤚 ✋ 🖖 👏 🙌 👐 🤲 🤝 🙏 ✍️ 💪 🧠 👀 👅 👄 👶 🙋 🙅 🙆 🤷 🤦 🙇 💃 🕺 🏃 🚶 👑 🎓'),
  },
  {
    key: 'hearts',
    emoji: split('❤️ 🧡 💛 💚 💙 💜 🖤 🤍 🤎 💔 ❣️ 💕 💞 💓 💗 💖 💘 💝 💯 💥 💫 💦 💤 🔥 ✨ ⭐ 🌟 ⚡ 🌈 ☀️ ⛅ ☁️ ☔ ❄️ ⛄ 🌙'),
  },
  {
    key: 'nature',
    emoji: split('🐶 🐱 🐭 🐹 🐰 🦊 🐻 🐼 🐨 🐯 🦁 🐮 🐷 🐸 🐵 🐔 🐧 🐦 🦆 🦉 🐺 🐴 🦄 🐝 🐛 🦋 🐌 🐞 🐢 🐍 🦖 🐙 🦀 🐬 🐳 🦈 🐊 🐘 🦒 🌵 🎄 🌲 🌳 🌴 🌱 🌿 🍀 🍁 🍄 🌷 🌹 🌸 🌻'),
  },
  {
    key: 'food',
    emoji: split('🍎 🍐 🍊 🍋 🍌 🍉 🍇 🍓 🍒 🍑 🥭 🍍 🥥 🥝 🍅 🥑 🥦 🌽 🥕 🥐 🍞 🥨 🧀 🥚 🍳 🥞 🥓 🍔 🍟 🍕 🌭 🥪 🌮 🌯 🥗 🍝 🍜 🍲 🍣 🍱 🍚 🍦 🍩 🍪 🎂 🍰 🍫 🍿 ☕ 🍵 🍺 🍻 🥂 🍷 🍸'),
  },
  {
    key: 'things',
    emoji: split('⚽ 🏀 🏈 ⚾ 🎾 🏐 🎱 🏓 🥇 🏆 🎯 🎮 🎲 🎨 🎤 🎧 🎸 🎬 🚗 🚕 🚌 🚑 🚒 🚲 ✈️ 🚀 ⛵ 🏠 🏢 🏖️ ⌚ 📱 💻 📷 📺 💡 🔋 📚 📝 📌 📎 ✂️ 🔒 🔑 🔨 🔧 🎁 🎈 🎉 🎊 📅 📈 💰 ✉️ 📦 ⏰ ⏳ 🔔 🔍'),
  },
  {
    key: 'signs',
    emoji: split('✅ ❌ ❓ ❗ ➕ ➖ ➡️ ⬅️ ⬆️ ⬇️ 🔁 ⏸️ ▶️ ⛔ 🚫 ⚠️ ♻️ 🆗 🆕 🆒 🔴 🟠 🟡 🟢 🔵 🟣 ⚫ ⚪ 🏁 🚩 🏳️‍🌈'),
  },
] as const
