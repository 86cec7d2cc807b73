/** The emoji of the grid: a choice of Unicode's, in their full form, none of which needs a skin tone. */

const cut = (row: string): string[] => row.split(' ')

export const GROUPS = [
  {
    key: 'faces',
    emoji: cut(
      '😀 😃 😄 😁 😆 😅 🤣 😂 🙂 🙃 😉 😊 😇 🥰 😍 🤩 😘 😗 😚 😙 😋 😛 😜 🤪 😝 🤑 🤗 🤭 🤫 🤔 🤐 🤨 😐 😑 😶 😏 😒 🙄 😬 🤥 😌 😔 😪 🤤 😴 😷 🤒 🤕 🤢 🤮 🤧 🥵 🥶 🥴 😵 🤯 🤠 🥳 😎 🤓 🧐 😕 😟 🙁 😮 😯 😲 😳 🥺 😦 😧 😨 😰 😥 😢 😭 😱 😖 😣 😞 😓 😩 😫 🥱 😤 😡 😠 🤬 😈 👿 💀 💩 🤡 👻 👽 🤖 😺 😸 😹 😻 🙀 😿 🙈 🙉 🙊',
    ),
  },
  {
    key: 'people',
    emoji: cut('👍 👎 👌 ✌️ 🤞 🤟 🤘 🤙 👈 👉 👆 👇 ☝️ 👋 🤚 ✋ 🖖 👏 🙌 👐 🤲 🤝 🙏 ✍️ 💪 🧠 👀 👅 👄 👶 🙋 🙅 🙆 🤷 🤦 🙇 💃 🕺 🏃 🚶 👑 🎓'),
  },
  {
    key: 'hearts',
    emoji: cut('❤️ 🧡 💛 💚 💙 💜 🖤 🤍 🤎 💔 ❣️ 💕 💞 💓 💗 💖 💘 💝 💯 💥 💫 💦 💤 🔥 ✨ ⭐ 🌟 ⚡ 🌈 ☀️ ⛅ ☁️ ☔ ❄️ ⛄ 🌙'),
  },
  {
    key: 'nature',
    emoji: cut('🐶 🐱 🐭 🐹 🐰 🦊 🐻 🐼 🐨 🐯 🦁 🐮 🐷 🐸 🐵 🐔 🐧 🐦 🦆 🦉 🐺 🐴 🦄 🐝 🐛 🦋 🐌 🐞 🐢 🐍 🦖 🐙 🦀 🐬 🐳 🦈 🐊 🐘 🦒 🌵 🎄 🌲 🌳 🌴 🌱 🌿 🍀 🍁 🍄 🌷 🌹 🌸 🌻'),
  },
  {
    key: 'food',
    emoji: cut('🍎 🍐 🍊 🍋 🍌 🍉 🍇 🍓 🍒 🍑 🥭 🍍 🥥 🥝 🍅 🥑 🥦 🌽 🥕 🥐 🍞 🥨 🧀 🥚 🍳 🥞 🥓 🍔 🍟 🍕 🌭 🥪 🌮 🌯 🥗 🍝 🍜 🍲 🍣 🍱 🍚 🍦 🍩 🍪 🎂 🍰 🍫 🍿 ☕ 🍵 🍺 🍻 🥂 🍷 🍸'),
  },
  {
    key: 'things',
    emoji: cut('⚽ 🏀 🏈 ⚾ 🎾 🏐 🎱 🏓 🥇 🏆 🎯 🎮 🎲 🎨 🎤 🎧 🎸 🎬 🚗 🚕 🚌 🚑 🚒 🚲 ✈️ 🚀 ⛵ 🏠 🏢 🏖️ ⌚ 📱 💻 📷 📺 💡 🔋 📚 📝 📌 📎 ✂️ 🔒 🔑 🔨 🔧 🎁 🎈 🎉 🎊 📅 📈 💰 ✉️ 📦 ⏰ ⏳ 🔔 🔍'),
  },
  {
    key: 'signs',
    emoji: cut('✅ ❌ ❓ ❗ ➕ ➖ ➡️ ⬅️ ⬆️ ⬇️ 🔁 ⏸️ ▶️ ⛔ 🚫 ⚠️ ♻️ 🆗 🆕 🆒 🔴 🟠 🟡 🟢 🔵 🟣 ⚫ ⚪ 🏁 🚩 🏳️‍🌈'),
  },
] as const
