/** The emoji of the grid: a choice of Unicode's, in their full form, none of which needs a skin tone. */

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
