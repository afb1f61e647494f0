// Language that the reader follows: what it pays with each tokenizer, and its place among the languages.
const followed = document.getElementById("followed");

function sayFollowed() {
  followed.replaceChildren();
  const own = page.paid.filter(([place]) => place === choice.own).sort((a, b) => a[2] - b[2]);
  if (own.length === 0) return;
  const heading = document.createElement("p");
  const [first, last] = [own[0], own.at(-1)];
  const name = page.languages[choice.own];
  const several = own.length > 1
    ? `${name} pays least with ${page.tokenizers[first[1]]}, ${times(first[2])} times the baseline’s tokens, and most with ${page.tokenizers[last[1]]}, ${times(last[2])}.`
    : `${name} pays ${times(first[2])} times the baseline’s tokens.`;
  heading.textContent = several;
  const list = document.createElement("ul");
  for (const [, tokenizer, premium] of own) {
    const all = page.paid.filter((row) => row[1] === tokenizer);
    const dearer = all.filter((row) => row[2] > premium).length;
    const item = document.createElement("li");
    item.textContent = `${page.tokenizers[tokenizer]}: ${times(premium)}; ${dearer} of ${all.length} pay more`;
    list.append(item);
  }
  followed.append(heading, list);
}

function times(value) {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

if (followed) drawn.then(() => whenChosen(sayFollowed));
