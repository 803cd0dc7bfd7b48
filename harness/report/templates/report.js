"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const trials = data.trials;
  const hidden = new Set();
  const dark = () => document.documentElement.dataset.theme === "dark";

  // --- colours: tokens in the figures, resolved for the theme -------------------------------------

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function colour(token) {
    if (token === "$ink") return css("--ink");
    const [index, opacity] = token.slice(1).split(":");
    const hex = data.colours[Number(index)][dark() ? 1 : 0];
    if (opacity === undefined) return hex;
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  }

  function resolved(node, key = "") {
    if (typeof node === "string") return /color$/i.test(key) && node[0] === "$" ? colour(node) : node;
    if (Array.isArray(node)) return key === "x" || key === "y" ? node : node.map((each) => resolved(each));
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, resolved(value, name)]));
  }

  function layoutOf(layout, narrow) {
    const result = resolved(layout);
    if (narrow && result.grid) result.grid = { ...result.grid, rows: result.grid.columns, columns: 1, ygap: 0.35 };
    const axis = { gridcolor: css("--line"), linecolor: css("--muted"), zerolinecolor: css("--muted"), zeroline: false, automargin: true };
    for (const name of new Set([...Object.keys(result).filter((key) => /^[xy]axis/.test(key)), "xaxis", "yaxis"])) {
      result[name] = { ...axis, ...result[name] };
      if (result[name].title) result[name].title = { standoff: 8, ...result[name].title };
    }
    return {
      font: { family: "system-ui, sans-serif", size: 12, color: css("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 12, t: 10, b: 48 },
      hovermode: "closest", dragmode: false, showlegend: false,
      hoverlabel: { bgcolor: css("--panel"), bordercolor: css("--line"), font: { color: css("--ink") } },
      ...result,
    };
  }

  // --- figures -------------------------------------------------------------------------------------

  const config = { displaylogo: false, responsive: true, displayModeBar: false };
  const drawn = new Map(); // element -> its figure, data and layout

  function draw(element, figure) {
    drawn.set(element, figure);
    const traces = figure.data.map((trace) => ({ ...resolved(trace), visible: !hidden.has(trace.meta) }));
    const panels = figure.layout.grid ? figure.layout.grid.columns : 1;
    const narrow = panels > 1 && element.clientWidth < 300 * panels;
    element.classList.toggle("tall", narrow);
    Plotly.react(element, traces, layoutOf(figure.layout, narrow), config);
  }

  function redraw() {
    for (const [element, figure] of drawn) draw(element, figure);
  }

  function show(element) {
    if (drawn.has(element)) return;
    if (element.dataset.figure) draw(element, data.figures[element.dataset.figure]);
    else explore(element);
  }

  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => show(entry.target)),
    { rootMargin: "700px" },
  );

  // --- the explorer: trials over two chosen quantities ---------------------------------------------

  const MOST_POINTS = 4000;
  const GOLDEN = (Math.sqrt(5) - 1) / 2;
  const DIVERGED = trials.statuses.indexOf("diverged");
  const select = (kind, id) => document.querySelector(`[data-explorer-${kind}="${CSS.escape(id)}"]`);

  const RATE = "rate"; // each optimizer's own learning rate, whatever form it is searched in
  const rates = trials.values.map((name, column) => [name, column]).filter(([name]) => /^hp\.(lr|learning_rate)/.test(name)).map(([, column]) => column);
  const labelOf = (column) => (column === RATE ? `learning rate (${rates.map((each) => trials.labels[each]).join(", ")})` : trials.labels[column]);

  function at(column, row) {
    if (column !== RATE) return trials.columns[column][row];
    const own = rates.find((each) => trials.columns[each][row] !== null);
    return own === undefined ? null : trials.columns[own][row];
  }

  function numeric(column) {
    return trials.columns[column].every((value) => value === null || typeof value === "number");
  }

  function explorerChoices(id, workload) {
    const used = trials.values.map((_, column) => column).filter(
      (column) => numeric(column) && trials.workload.some((w, row) => w === workload && trials.columns[column][row] !== null));
    for (const kind of ["x", "y"]) {
      const element = select(kind, id);
      for (const column of used) element.add(new Option(trials.labels[column], column));
    }
    const own = rates.filter((column) => used.includes(column));
    if (own.length > 1) select("x", id).add(new Option(labelOf(RATE), RATE), 0);
    const first = used.find((column) => trials.values[column].startsWith("hp."));
    select("x", id).value = own.length > 1 ? RATE : own[0] ?? first ?? used[used.length - 1];
    const error = trials.values.indexOf("val_error");
    select("y", id).value = used.includes(error) ? error : used[0];
  }

  // An even part of many rows, whatever they are sorted by. Not every second row: in a Halton sweep
  // those all lie in one half of the first axis. Multiples of the golden ratio keep step with nothing.
  function thinned(rows) {
    return rows.length <= MOST_POINTS ? rows : rows.filter((_, place) => (place * GOLDEN) % 1 < MOST_POINTS / rows.length);
  }

  function explore(element) {
    const id = element.dataset.explorer;
    const workload = Number(element.dataset.workload);
    const [across, up] = ["x", "y"].map((kind) => select(kind, id).value).map((v) => (v === RATE ? RATE : Number(v)));
    const every = trials.trial.map((_, row) => row).filter((row) => trials.workload[row] === workload);
    const rows = thinned(every);
    const shown = rows.length < every.length ? `, ${rows.length.toLocaleString("en")} of ${every.length.toLocaleString("en")} drawn` : "";
    select("shown", id).textContent = shown;
    const spans = (column) => {
      const values = rows.map((row) => at(column, row)).filter((value) => value !== null);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      if (!(low > 0 && high / low > 8)) return { type: "linear" };
      const step = Math.ceil(Math.log10(high / low) / 6);
      return { type: "log", dtick: step, tickformat: step > 1 || high / low > 1e4 ? ".0e" : ".3~g" };
    };
    const traces = trials.optimizers.map((name, optimizer) => {
      const own = rows.filter((row) => trials.optimizer[row] === optimizer && at(up, row) !== null);
      return {
        type: "scatter", mode: "markers", meta: optimizer, x: own.map((row) => at(across, row)),
        y: own.map((row) => at(up, row)), text: own.map((row) => `${escaped(name)}, trial ${trials.trial[row]}`), customdata: own,
        marker: { color: `$${optimizer}`, symbol: data.symbols[optimizer], size: 6, opacity: 0.7 },
        hovertemplate: `<b>%{text}</b><br>${escaped(labelOf(across))} %{x:.3g}<br>${escaped(labelOf(up))} %{y:.4g}<extra></extra>`,
      };
    });
    trials.optimizers.forEach((name, optimizer) => {
      const own = rows.filter((row) => trials.optimizer[row] === optimizer && trials.status[row] === DIVERGED
        && at(up, row) === null && at(across, row) !== null);
      if (own.length) traces.push({
        type: "scatter", mode: "markers", meta: optimizer, yaxis: "y2", x: own.map((row) => at(across, row)),
        y: own.map(() => 0.985), text: own.map((row) => `${escaped(name)}, trial ${trials.trial[row]}`),
        marker: { color: `$${optimizer}`, symbol: "x-thin-open", size: 7 }, hovertemplate: "<b>%{text}</b><br>diverged<extra></extra>",
      });
    });
    const figure = {
      data: traces,
      layout: {
        xaxis: { title: { text: escaped(labelOf(across)) }, ...spans(across) },
        yaxis: { title: { text: escaped(labelOf(up)) }, ...spans(up) },
        yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
      },
    };
    const before = drawn.has(element);
    draw(element, figure);
    if (!before) element.on("plotly_click", ({ points: [point] }) => hasCurve(point.customdata) && openTrial(point.customdata));
  }

  function escaped(words) {
    return String(words).replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  }

  // --- tables that are in the page: sort their rows ------------------------------------------------

  function order(a, b, ascending) {
    const [noA, noB] = [a === null || a === "" || Number.isNaN(a), b === null || b === "" || Number.isNaN(b)];
    if (noA || noB) return noA - noB; // nothing comes last, either way
    const sign = ascending ? 1 : -1;
    return typeof a === "number" && typeof b === "number" ? sign * (a - b) : sign * String(a).localeCompare(String(b));
  }

  function markSorted(headings, chosen, ascending) {
    headings.forEach((heading) => heading.setAttribute("aria-sort", heading === chosen ? (ascending ? "ascending" : "descending") : "none"));
  }

  function cellValue(row, column, kind) {
    const cell = row.cells[column];
    if (kind === "text") return cell.textContent.trim();
    const words = cell.dataset.value ?? cell.textContent.trim();
    return words === "" || words === "None" || words === "nan" ? null : Number(words);
  }

  for (const table of document.querySelectorAll("table.sorted")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      const rows = [...table.tBodies[0].rows];
      const kind = heading.dataset.kind;
      rows.sort((a, b) => order(cellValue(a, column, kind), cellValue(b, column, kind), ascending));
      table.tBodies[0].append(...rows);
      markSorted(headings, heading, ascending);
    }));
  }

  // --- all trials: filtered, sorted and shown a page at a time -------------------------------------

  const PAGE = 50;
  const COMMAND = 4; // the command's place, after the status
  const body = document.querySelector("#all-trials tbody");
  const value = (id) => document.getElementById(id).value;
  const names = (list, column) => (row) => list[trials[column][row]];
  const columns = [
    { label: "Workload", kind: "text", of: names(trials.workloads, "workload") },
    { label: "Optimizer", kind: "text", of: names(trials.optimizers, "optimizer") },
    { label: "Trial", kind: "number", of: (row) => trials.trial[row], opens: true },
    { label: "Status", kind: "text", of: names(trials.statuses, "status") },
    ...trials.values.map((_, column) => ({
      key: trials.values[column], label: trials.labels[column], kind: numeric(column) ? "number" : "text", of: (row) => trials.columns[column][row],
    })),
  ];
  if (trials.studies.length > 1 || trials.studies[0]) columns.push({ label: "Study", kind: "text", of: names(trials.studies, "study") });
  const withCommands = trials.commands.some((each) => each !== null);
  const words = trials.trial.map((_, row) =>
    columns.filter((column) => column.kind === "text").map((column) => column.of(row) ?? "").join(" ").toLowerCase() + ` ${trials.trial[row]}`);
  let sorting = null;
  let page = 0;

  function matching() {
    const wanted = value("filter-text").toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = ["workload", "optimizer", "status"].map((name) => [trials[name], value(`filter-${name}`)]).filter(([, v]) => v !== "");
    const rows = trials.trial.map((_, row) => row).filter((row) =>
      !hidden.has(trials.optimizer[row]) && chosen.every(([column, v]) => column[row] === Number(v)) && wanted.every((word) => words[row].includes(word)));
    if (sorting) rows.sort((a, b) => order(sorting.of(a), sorting.of(b), sorting.ascending) || a - b);
    return rows;
  }

  function told(value) {
    return typeof value !== "number" || Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString();
  }

  function cell(row, column, index) {
    const element = document.createElement(index === 1 ? "th" : "td");
    if (index === 1) element.scope = "row";
    const shown = column.of(row);
    element.textContent = shown === null || shown === undefined ? "" : told(shown);
    if (column.kind === "text") element.classList.add("text");
    if (index === 1) element.prepend(swatch(trials.optimizer[row]));
    if (column.opens && hasCurve(row)) element.replaceChildren(opener(row, element.textContent));
    return element;
  }

  function swatch(optimizer) {
    return document.querySelector(`[data-optimizer="${optimizer}"]`).parentElement.querySelector("svg").cloneNode(true);
  }

  // --- a trial's own learning curve ----------------------------------------------------------------

  const curves = trials.curves;
  const hasCurve = (row) => curves !== null && curves.step[row] !== null;
  const LOOKS = { val_error: "solid", test_error: "dot", train_loss: "dash" };

  function opener(row, words) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "opener";
    button.textContent = words;
    button.setAttribute("aria-label", `learning curve of ${trials.optimizers[trials.optimizer[row]]} trial ${words}`);
    button.addEventListener("click", () => openTrial(row));
    return button;
  }

  function openTrial(row) {
    const name = trials.optimizers[trials.optimizer[row]];
    document.getElementById("trial-title").textContent = `${name}, trial ${trials.trial[row]}`;
    const facts = trials.values.map((_, column) => [trials.labels[column], trials.columns[column][row]])
      .filter(([, value]) => value !== null).map(([label, value]) => `${label} ${told(value)}`);
    document.getElementById("trial-facts").textContent = [trials.workloads[trials.workload[row]], trials.statuses[trials.status[row]], ...facts].join(" · ");
    const dialog = document.getElementById("trial");
    dialog.showModal();
    const steps = curves.steps[curves.step[row]];
    const kinds = curves.series.filter((series) => curves[series][row] !== null);
    const traces = kinds.map((series) => ({
      type: "scatter", mode: "lines+markers", x: steps, y: curves[series][row], name: escaped(curves.labels[series]), showlegend: true,
      line: { color: `$${trials.optimizer[row]}`, dash: LOOKS[series] }, marker: { size: 4, color: `$${trials.optimizer[row]}` },
      hovertemplate: `step %{x}<br>${escaped(curves.labels[series])} %{y:.4g}<extra></extra>`,
    })).map((trace) => resolved(trace));
    // Errors above, the loss in a panel of its own below: they are not in one unit.
    const losses = traces.filter((_, place) => kinds[place] === "train_loss").map((trace) => Object.assign(trace, { yaxis: "y2" }));
    const errors = traces.filter((trace) => trace.yaxis !== "y2");
    const axis = (own, words) => {
      const known = own.flatMap((trace) => trace.y).filter((y) => y !== null);
      const log = Math.min(...known) > 0 && Math.max(...known) / Math.min(...known) > 8;
      return { type: log ? "log" : "linear", exponentformat: "power", title: { text: words } };
    };
    const layout = { xaxis: { title: { text: "step" }, anchor: losses.length ? "y2" : "y" }, yaxis: axis(errors, "error") };
    if (losses.length) Object.assign(layout, { yaxis: { ...layout.yaxis, domain: [0.46, 1] }, yaxis2: { ...axis(losses, "loss"), domain: [0, 0.38] } });
    Plotly.react("trial-curve", traces, { ...layoutOf(layout, false), showlegend: true, legend: { orientation: "h", y: 1.15 } }, config);
  }

  function commandCell(row) {
    const element = document.createElement("td");
    const command = trials.commands[trials.study[row]];
    if (command === null) return element;
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = "command";
    summary.setAttribute("aria-label", `command of ${trials.optimizers[trials.optimizer[row]]} trial ${trials.trial[row]}`);
    const code = document.createElement("code");
    code.textContent = `${command} first_trial=${trials.trial[row]}`;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.textContent = "Copy";
    copy.addEventListener("click", () => copyText(code, copy));
    details.append(summary, code, copy);
    element.append(details);
    return element;
  }

  async function copyText(code, button) {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code); // no clipboard from disk in some browsers: selected, to copy by hand
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  }

  function fill() {
    const rows = matching();
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    page = Math.min(page, pages - 1);
    body.replaceChildren(...rows.slice(page * PAGE, (page + 1) * PAGE).map((row) => {
      const line = document.createElement("tr");
      line.append(...columns.map((column, index) => cell(row, column, index)));
      if (withCommands) line.cells[COMMAND].before(commandCell(row));
      return line;
    }));
    document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} of ${trials.trial.length.toLocaleString("en")} trials`;
    document.getElementById("page").textContent = `page ${page + 1} of ${pages}`;
    document.getElementById("previous").disabled = page === 0;
    document.getElementById("next").disabled = page === pages - 1;
  }

  function head() {
    const line = document.createElement("tr");
    document.querySelector("#all-trials thead").append(line);
    columns.forEach((column) => {
      const heading = document.createElement("th");
      heading.scope = "col";
      heading.dataset.kind = column.kind;
      heading.setAttribute("aria-sort", "none");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.label;
      button.addEventListener("click", () => {
        const ascending = heading.getAttribute("aria-sort") !== "ascending";
        sorting = { of: column.of, ascending };
        page = 0;
        markSorted([...line.cells].filter((each) => each.dataset.kind), heading, ascending);
        fill();
      });
      heading.append(button);
      line.append(heading);
    });
    if (withCommands) {
      const heading = document.createElement("th");
      heading.scope = "col";
      heading.textContent = "Run it again";
      line.cells[COMMAND].before(heading);
    }
    const first = columns.findIndex((column) => column.key === "val_error");
    if (first >= 0) line.querySelectorAll("button")[first].click(); // the best first
  }

  function filters() {
    for (const [id, list] of [["workload", trials.workloads], ["optimizer", trials.optimizers], ["status", trials.statuses]]) {
      const element = document.getElementById(`filter-${id}`);
      list.forEach((name, index) => trials[id].includes(index) && element.add(new Option(name, index)));
    }
    const again = () => { page = 0; fill(); };
    document.getElementById("filters").addEventListener("input", again);
    document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("previous").addEventListener("click", () => { page -= 1; fill(); });
    document.getElementById("next").addEventListener("click", () => { page += 1; fill(); });
  }

  // --- theme, switches, start ----------------------------------------------------------------------

  const themeButton = document.getElementById("theme");

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    themeButton.textContent = theme === "dark" ? "Light" : "Dark";
    themeButton.setAttribute("aria-pressed", String(theme === "dark"));
    redraw();
  }

  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
  themeButton.addEventListener("click", () => setTheme(dark() ? "light" : "dark"));

  for (const input of document.querySelectorAll("[data-optimizer]")) {
    input.addEventListener("change", () => {
      const optimizer = Number(input.dataset.optimizer);
      if (input.checked) hidden.delete(optimizer);
      else hidden.add(optimizer);
      redraw();
      page = 0;
      fill();
    });
  }

  for (const element of document.querySelectorAll("[data-explorer]")) {
    explorerChoices(element.dataset.explorer, Number(element.dataset.workload));
    for (const kind of ["x", "y"]) select(kind, element.dataset.explorer).addEventListener("change", () => explore(element));
  }
  filters();
  head();
  fill();
  document.querySelectorAll(".canvas").forEach((element) => seen.observe(element));
  addEventListener("beforeprint", () => document.querySelectorAll(".canvas").forEach(show));
})();
