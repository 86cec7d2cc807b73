/** An error that belongs to no single field. */

export function FormError({ text, class: extra = '' }: { text: string | null | undefined; class?: string }) {
  return text ? <p class={`form-error ${extra}`.trimEnd()} role="alert">{text}</p> : null
}
