// Texts token by token: each token is a span of its own, parts of characters and blanks as their bytes.
function spell(line, tokens) {
  const spans = tokens.map(([text, isPart]) => {
    const span = document.createElement("span");
    span.textContent = text;
    if (isPart) span.className = "part";
    return span;
  });
  line.replaceChildren(...spans);
}

async function spellLines(list) {
  for (const [name, lang, direction, tokens] of JSON.parse(await unpackText(list.dataset.lines))) {
    const block = document.createElement("div");
    const [term, line] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = `${name}: ${tokens.length}`;
    line.dir = direction;
    if (lang) line.lang = lang;
    spell(line, tokens);
    block.append(term, line);
    list.append(block);
  }
}

for (const list of document.querySelectorAll("[data-lines]")) {
  list.closest("details").addEventListener("toggle", () => spellLines(list), { once: true });
}
