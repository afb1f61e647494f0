// Charts: Vega draws them when they come into view, for the width, the ground, the choice and the scale of the moment.
const isPhone = matchMedia("(max-width: 36rem)");
const isDark = matchMedia("(prefers-color-scheme: dark)");
const printing = { now: false };
let page = null;

function inColours(node, colours) {
  if (typeof node === "string") return colours.get(node) ?? node;
  if (Array.isArray(node)) return node.map((one) => inColours(one, colours));
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(Object.entries(node).map(([key, one]) => [key, inColours(one, colours)]));
}

// All encodings of a channel of position whose scale is logarithmic.
function logarithmic(node, found = []) {
  if (node === null || typeof node !== "object") return found;
  for (const channel of ["x", "y"]) {
    if (node.encoding?.[channel]?.scale?.type === "log") found.push(node.encoding[channel]);
  }
  for (const parts of [node.layer, node.vconcat]) for (const part of parts ?? []) logarithmic(part, found);
  return found;
}

function layersOf(part) {
  return part.layer ? part.layer.flatMap(layersOf) : part.vconcat ? part.vconcat.flatMap(layersOf) : [part];
}

class ChartOnPage {
  constructor(figure, described) {
    this.described = described;
    this.hover = described.hover;
    this.ground = figure.querySelector(".drawing");
    this.view = null;
    this.isLinear = false;
    this.isStale = true;
    this.isSeen = false;
    const button = figure.querySelector(".scale");
    if (button && logarithmic(described.page).length) {
      button.hidden = false;
      button.addEventListener("click", () => {
        this.isLinear = !this.isLinear;
        button.setAttribute("aria-pressed", String(this.isLinear));
        this.draw();
      });
    }
  }

  specification() {
    const colours = new Map(isDark.matches && !printing.now ? page.dark : []);
    const narrow = isPhone.matches && !printing.now;
    const made = inColours(narrow ? this.described.phone : this.described.page, colours);
    made.datasets = {};
    for (const { data } of layersOf(made)) {
      if (!data?.name || Object.hasOwn(made.datasets, data.name)) continue;
      made.datasets[data.name] = page.datasets[data.name].filter((row) => isShown(row.place ?? undefined, row.tokenizer_place));
    }
    const hasRows = (layer) => layer.data?.name && made.datasets[layer.data.name].some((row) => row.place !== undefined);
    if (made.vconcat?.length > 1 && layersOf(this.described.page).some(({ encoding }) => encoding?.y?.field === "row")) {
      made.vconcat = made.vconcat.filter((part) => layersOf(part).some(hasRows));
    }
    const inner = layersOf(made);
    this.isEmpty = inner.length === 0 || inner.every(({ data }) => !data?.name || made.datasets[data.name].length === 0);
    if (this.isLinear) {
      for (const position of logarithmic(made)) {
        position.scale = { ...position.scale, type: "linear", zero: false };
        if (position.axis) delete position.axis.values;
      }
    }
    made.config.mark = { ...made.config.mark, tooltip: { content: "data" } };
    made.params = [{ name: "own", value: choice.own }];
    return made;
  }

  draw() {
    this.isStale = false;
    this.view?.finalize();
    this.view = null;
    const specification = this.specification();
    if (this.isEmpty) {
      this.ground.textContent = "Nothing that was chosen is in this chart.";
      return;
    }
    const runtime = vega.parse(vegaLite.compile(specification).spec);
    this.ground.replaceChildren();
    this.view = new vega.View(runtime, { renderer: "svg", container: this.ground, hover: true });
    this.view.tooltip(hovering(this)).runAsync().then((view) => {
      if (view === this.view) this.fit();
    });
  }

  fit() {
    const svg = this.ground.querySelector("svg");
    const width = Number(svg.getAttribute("width"));
    svg.setAttribute("aria-hidden", "true"); // the figure's label and the table say it
    this.ground.style.maxWidth = `${1.25 * width}px`;
    this.ground.style.minWidth = isPhone.matches || printing.now ? "0" : `${width}px`;
    this.ground.style.minHeight = "0";
  }

  renew(onlyOwn) {
    if (onlyOwn && this.view && choice.words.length === 0 && choice.scripts === null) {
      this.view.signal("own", choice.own).runAsync();
    } else this.isStale = true;
    if (this.isSeen && this.isStale) this.draw();
  }
}

async function drawCharts() {
  page = JSON.parse(await unpackText("figures"));
  const charts = new Map();
  document.querySelectorAll("figure[data-chart]").forEach((figure, i) => {
    charts.set(figure, new ChartOnPage(figure, page.charts[i]));
  });
  if (charts.size === 0) return;
  const library = document.createElement("script");
  library.textContent = await unpackText("vega");
  document.head.append(library);

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      chart.isSeen = isIntersecting;
      if (isIntersecting && chart.isStale) chart.draw();
    }
  }, { rootMargin: "600px" });
  for (const figure of charts.keys()) observer.observe(figure);

  const everything = () => charts.values().forEach((chart) => chart.renew(false));
  whenChosen((onlyOwn) => charts.values().forEach((chart) => chart.renew(onlyOwn)));
  isPhone.addEventListener("change", everything);
  isDark.addEventListener("change", everything);
  addEventListener("beforeprint", () => {
    printing.now = true;
    for (const chart of charts.values()) chart.draw();
  });
  addEventListener("afterprint", () => {
    printing.now = false;
    everything();
  });
}

const drawn = drawCharts();
