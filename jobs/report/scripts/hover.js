// Values of the mark under the pointer. Everything is set as text.
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
document.body.append(tip);

function figuresOf(chart, item, datum) {
  const lines = [];
  if (datum.place !== undefined && datum.place !== null) lines.push(page.languages[datum.place]);
  if (datum.tokenizer_place !== undefined) lines.push(page.tokenizers[datum.tokenizer_place]);
  if (item.mark.marktype === "line") return lines; // its datum is the line's first point
  const format = vega.defaultLocale().format;
  for (const [field, title, form] of chart.hover) {
    const value = datum[field];
    if (typeof value === "number") lines.push(`${title} ${format(form)(value)}`);
  }
  return lines;
}

function hovering(chart) {
  return (_, event, item, datum) => {
    const lines = datum && typeof datum === "object" && item.mark ? figuresOf(chart, item, datum) : [];
    tip.hidden = lines.length === 0;
    if (tip.hidden) return;
    tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
    const right = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 4);
    const below = event.clientY + 16 + tip.offsetHeight < document.documentElement.clientHeight;
    tip.style.left = `${Math.max(4, right)}px`;
    tip.style.top = `${below ? event.clientY + 16 : event.clientY - tip.offsetHeight - 10}px`;
  };
}
