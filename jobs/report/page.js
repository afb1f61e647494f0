"use strict";
// Tables: a click on a heading sorts the rows; a search hides the rows that lack one of its words. Names are compared as
// text and are never keys of objects.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const words = new Intl.Collator("en", { numeric: true });

  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!numeric) return sign * words.compare(x.textContent, y.textContent);
    const [p, q] = [x.dataset.order, y.dataset.order];
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
  search.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    output.textContent = wanted.length ? `${shown} of ${body.rows.length} rows` : "";
  });
}
