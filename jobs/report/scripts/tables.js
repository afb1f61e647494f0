// Tables: a click on a heading sorts the rows; a search, and the reader's choice, hide rows. Names are compared as text.
for (const table of document.querySelectorAll("table[id]")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const words = new Intl.Collator("en", { numeric: true });

  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!numeric) return sign * words.compare(x.textContent, y.textContent);
    const [p, q] = [x, y].map((cell) => cell.dataset.order ?? cell.textContent);
    if (p === "" || q === "") return (p === "") - (q === ""); // unknown values stand last in both orders
    return sign * (Number(p) - Number(q));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const numeric = head.classList.contains("number");
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const up = now ? now === "descending" : !numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...[...body.rows].sort(compare(column, numeric, up ? 1 : -1)));
    });
  });

  const search = table.closest("details").querySelector(".search");
  const [input, output] = [search.querySelector("input"), search.querySelector("output")];
  const number = (text) => (text === undefined ? undefined : Number(text));

  const fill = async () => {
    const rows = JSON.parse(await unpackText(table.id.replace("table-", "rows-")));
    for (const [place, tokenizer, cells] of rows) {
      const row = body.insertRow();
      if (place !== null) row.dataset.place = place;
      if (tokenizer !== null) row.dataset.tokenizer = tokenizer;
      for (const [text, order] of cells) {
        const cell = row.insertCell();
        cell.textContent = text;
        if (order === null) continue;
        cell.className = "number";
        cell.dataset.order = order;
      }
    }
    show();
  };

  const show = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const place = number(row.dataset.place);
      const text = wanted.length ? [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase() : "";
      row.hidden = !(isShown(place, number(row.dataset.tokenizer)) && wanted.every((word) => text.includes(word)));
      row.classList.toggle("own", place !== undefined && place === choice.own);
      shown += row.hidden ? 0 : 1;
    }
    output.textContent = shown < body.rows.length ? `${shown} of ${body.rows.length} rows` : "";
  };

  if (table.dataset.rows) table.closest("details").addEventListener("toggle", fill, { once: true });
  search.hidden = false;
  input.addEventListener("input", show);
  whenChosen(show);
}
