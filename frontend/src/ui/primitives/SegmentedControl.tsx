/** A choice of one among a few values, side by side. */

interface Props<V extends string> {
  name: string
  legend: string
  /** Hides the legend from sight; screen readers still read it. */
  hideLegend?: boolean
  class: string
  values: readonly V[]
  value: V
  label: (value: V) => string
  onValue: (value: V) => void
}

export function SegmentedControl<V extends string>({ name, legend, hideLegend = false, class: className, values, value, label, onValue }: Props<V>) {
  return (
    <fieldset class={className}>
      <legend class={hideLegend ? 'visually-hidden' : undefined}>{legend}</legend>
      <div class="segments">
        {values.map((each) => (
          <label class="segment" key={each}>
            <input type="radio" name={name} checked={value === each} onChange={() => onValue(each)} />
            <span>{label(each)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
