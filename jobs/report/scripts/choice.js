// Choice of the reader: the language that is followed, and the scripts, tokenizers and names that are shown. Languages,
// scripts and tokenizers are numbers here; their names are text on the page and never keys of objects.
const choice = { own: -1, scripts: null, tokenizers: null, words: [], scriptOf: [], nameOf: [], listeners: [] };

function isShown(place, tokenizer) {
  if (tokenizer !== undefined && choice.tokenizers !== null && !choice.tokenizers.has(tokenizer)) return false;
  if (place === undefined || place === choice.own) return true;
  if (choice.scripts !== null && !choice.scripts.has(choice.scriptOf[place])) return false;
  return choice.words.length === 0 || choice.words.some((word) => choice.nameOf[place].includes(word));
}

function whenChosen(listener) {
  choice.listeners.push(listener);
}

const questions = document.getElementById("questions");
if (questions) {
  const own = questions.querySelector("[name=own]");
  for (const option of own.options) {
    if (Number(option.value) < 0) continue;
    choice.scriptOf.push(Number(option.dataset.script));
    choice.nameOf.push(option.textContent.toLowerCase());
  }

  const checked = (name) => {
    const boxes = [...questions.querySelectorAll(`[name=${name}]`)];
    const on = boxes.filter((box) => box.checked).map((box) => Number(box.value));
    return on.length === boxes.length ? null : new Set(on);
  };
  const read = () => {
    const before = choice.own;
    choice.own = Number(own.value);
    choice.scripts = checked("script");
    choice.tokenizers = checked("tokenizer");
    choice.words = questions.querySelector("[name=words]").value.toLowerCase().split(",").map((word) => word.trim())
      .filter(Boolean);
    const shown = choice.nameOf.filter((_, place) => isShown(place)).length;
    const all = choice.nameOf.length;
    questions.querySelector("output").textContent = shown < all ? `${shown} of ${all} are shown` : "";
    for (const listener of choice.listeners) listener(choice.own !== before);
  };
  questions.hidden = false;
  questions.addEventListener("submit", (event) => event.preventDefault());
  questions.addEventListener("input", read);
  questions.addEventListener("reset", () => setTimeout(read));
}
