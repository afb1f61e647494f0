// Text that the reader types, cut by the tokenizers that are in the page.
const MOST_SHOWN = 400; // tokens of a line

const cutterScripts = [...document.querySelectorAll("script.cutter")];
const cuttersMade = [];

// A tokenizer, made from its data when it is first needed.
function cutterOf(number) {
  cuttersMade[number] ??= unpack(cutterScripts[number].id).then((bytes) => new Cutter(bytes));
  return cuttersMade[number];
}

// Ids of a text by a tokenizer of the page.
async function idsOf(number, text) {
  return Array.from((await cutterOf(number)).encode(text));
}

// A token as it is shown: its text, or its bytes where it is blank or no whole text.
function tokenShown(bytes) {
  const inBytes = () => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").toUpperCase();
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    if (!text.trim() || /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\ufffd]/u.test(text.replace(/[\n\t\u200c\u200d]/g, ""))) return [inBytes(), true];
    return [text.replaceAll("\n", "↵").replaceAll("\t", "⇥"), false];
  } catch {
    return [inBytes(), true];
  }
}

const typedText = document.getElementById("text");
if (typedText) {
  const [lines, summary] = [document.getElementById("typed-lines"), document.getElementById("typed-summary")];
  const rows = cutterScripts.map((script) => {
    const [block, term, line] = ["div", "dt", "dd"].map((name) => document.createElement(name));
    term.textContent = script.dataset.name;
    line.dir = "auto";
    line.tabIndex = 0;
    block.append(term, line);
    return { block, term, line, name: script.dataset.name };
  });
  let latest = 0;

  const show = async () => {
    const turn = (latest += 1);
    const text = typedText.value;
    const counts = [];
    for (const [number, row] of rows.entries()) {
      const cutter = await cutterOf(number);
      if (turn !== latest) return; // more was typed meanwhile
      const ids = Array.from(cutter.encode(text));
      const rest = ids.length - MOST_SHOWN;
      row.term.textContent = `${row.name}: ${ids.length.toLocaleString("en")}${rest > 0 ? `, the first ${MOST_SHOWN} shown` : ""}`;
      spell(row.line, ids.slice(0, MOST_SHOWN).map((id) => tokenShown(cutter.bytesOf(id))));
      counts.push([ids.length, number]);
    }
    lines.replaceChildren(...(text ? rows.map((row) => row.block) : []));
    counts.sort(([a, i], [b, j]) => a - b || i - j);
    const [fewest, most] = [counts[0], counts.at(-1)];
    const said = counts.length > 1 && fewest[0] < most[0]
      ? `${rows[fewest[1]].name} takes the fewest tokens, ${fewest[0]}; ${rows[most[1]].name} the most, ${most[0]}.`
      : `${fewest[0]} tokens.`;
    summary.textContent = text ? said : "";
  };
  let waiting = 0;
  typedText.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 120);
  });
}
