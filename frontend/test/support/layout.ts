/** A layout for tests of windowed lists: happy-dom has none. Import it before virtua. */

const VIEWPORT_PX = 640
const ITEM_PX = 64

/** Reports one height for everything that is observed: that of an item, or of the viewport. */
class FixedSizes {
  constructor(private readonly callback: ResizeObserverCallback) {}

  observe(target: Element): void {
    const isItem = target.parentElement?.style.contain !== undefined && target.parentElement.style.contain.includes('size')
    const contentRect = { width: 300, height: isItem ? ITEM_PX : VIEWPORT_PX } as DOMRectReadOnly
    queueMicrotask(() => this.callback([{ target, contentRect } as ResizeObserverEntry], this as unknown as ResizeObserver))
  }

  unobserve(): void {}

  disconnect(): void {}
}

globalThis.ResizeObserver = FixedSizes as unknown as typeof ResizeObserver
Object.defineProperty(HTMLElement.prototype, 'offsetParent', { get: (): HTMLElement => document.body })
