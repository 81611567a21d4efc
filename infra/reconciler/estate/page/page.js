"use strict";
// The table, its filters, the details of a unit, and the neighbourhood of a box in the picture. Every text becomes a
// text node: what other people wrote is never read as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const units = data.units.map((unit, number) => ({
    people: [], datasets: [], owners: [], findings: [], tasks: [], ...unit, number,
  }));
  const byKey = new Map(units.map((unit) => [`${unit.environment}/${unit.name}`, unit]));
  const severity = ["attention", "pending", "paused", "ended", "unread", "data", "fine"];
  const MEMBER = 0, ROLE = 1, UNTIL = 2, TICKET = 3, WHERE = 4, PLACE = 5, STATE = 6, CONDITION = 7, MAY = 8;

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const list = (parent, children) => { parent.append(...children); return parent; };
  // A narrow column breaks a name behind its signs, and within a word only where that is not enough.
  const isolated = (text) => list(make("bdi"), text.split(/(?<=[_@./-])(?=.)/).flatMap((part, at) => (at ? [make("wbr"), part] : [part])));
  const link = (text, url) => (url ? make("a", text, { href: url, rel: "noreferrer", target: "_blank" }) : make("span", text));
  const time = (text) => (text ? text.slice(0, 16).replace("T", " ") : "");
  const days = (iso) => Math.round((Date.parse(iso) - Date.parse(data.day)) / 864e5);
  const withCode = (text) => list(make("bdi"), text.split(/`([^`]+)`/).map((part, at) => (at % 2 ? make("code", part) : part)));

  for (const unit of units) {
    const members = unit.datasets.flatMap((each) => (each.grants || []).flatMap((at) => [data.grants[at][MEMBER], data.grants[at][TICKET]]));
    unit.text = [unit.name, unit.environment, unit.service, unit.connection, unit.id, unit.description, unit.file, unit.task,
      unit.schedule, unit.retired, data.states[unit.state], ...unit.owners, ...unit.datasets.map((each) => each.id), ...members,
      ...unit.findings, unit.pending].filter(Boolean).join("\n").toLowerCase();
    unit.sensitive = unit.datasets.some((each) => each.sensitive);
    unit.first_end = unit.people.map((each) => each[1]).filter(Boolean).sort()[0] || "";
    // Of one state, what is not a trial comes first.
    unit.rank = severity.indexOf(unit.state) + (data.trials.includes(unit.environment) ? 0.5 : 0);
  }

  // --- the table ---------------------------------------------------------------------------------------------------
  const several = new Set(units.map((unit) => unit.environment)).size > 1;
  const cell = (build) => (shown) => build(shown.getRow().getData());
  const stacked = (first, second) => {
    const box = make("div");
    box.append(first);
    if (second) box.append(list(make("span", undefined, { class: "sub" }), [second]));
    return box;
  };
  const nameCell = cell((unit) => {
    const button = make("button", unit.name, { type: "button", class: "link", "data-unit": `${unit.environment}/${unit.name}` });
    return stacked(button, several ? unit.environment : undefined);
  });
  const stateCell = cell((unit) => make("span", data.states[unit.state], { class: `tag ${unit.state}` }));
  const ownersCell = cell((unit) => list(make("div"), unit.owners.flatMap((owner, at) => [at ? ", " : "", isolated(owner)])));
  const datasetsCell = cell((unit) => {
    const box = list(make("div"), unit.datasets.slice(0, 3).flatMap((each, at) => [at ? ", " : "", isolated(each.id)]));
    if (unit.datasets.length > 3) box.append(` and ${unit.datasets.length - 3} more`);
    if (unit.sensitive) box.append(" ", make("span", "sensitive", { class: "tag sensitive" }));
    return box;
  });
  const readersCell = (most) => cell((unit) => {
    if (!unit.datasets.length) return make("span", "");
    if (!unit.people.length) return make("span", "automation alone", { class: "sub" });
    const box = make("div");
    for (const [member, until] of unit.people.slice(0, most)) {
      const line = list(make("div"), [isolated(member)]);
      if (until) line.append(` until ${until}`);
      box.append(line);
    }
    if (unit.people.length > most) box.append(make("span", `and ${unit.people.length - most} more`, { class: "sub" }));
    return box;
  });
  const expiresCell = cell((unit) => {
    if (unit.retired) return stacked("retired", isolated(unit.retired));
    if (unit.never) return stacked("never", isolated(unit.never));
    if (!unit.expires) return make("span", "");
    const left = days(unit.expires);
    return stacked(unit.expires, left < 0 ? `removed on ${unit.removed_on}` : left === 0 ? "today" : `in ${left} days`);
  });
  const scheduleCell = cell((unit) => (unit.task ? stacked("Airflow", isolated(unit.task)) : make("span", unit.schedule || "")));
  const syncCell = cell((unit) => stacked(time(unit.succeeded) || "", unit.failed && unit.failed > (unit.succeeded || "") ? `failed ${time(unit.failed)}` : unit.setup && unit.setup !== "connected" ? unit.setup : undefined));
  const text = (pick) => (a, b, rowA, rowB) => {
    const [one, other] = [pick(rowA.getData()) || "", pick(rowB.getData()) || ""];
    return one === other ? 0 : one === "" ? 1 : other === "" ? -1 : one < other ? -1 : 1;
  };
  const column = (title, field, formatter, more) => ({ title, field, formatter, formatterPrint: formatter, headerTooltip: false, ...more });
  const table = new Tabulator("#table", {
    data: units,
    index: "number",
    height: units.length > 12 ? "640px" : undefined,
    layout: "fitColumns",
    placeholder: "No unit matches.",
    renderVerticalBuffer: 400,
    printAsHtml: true,
    printStyled: false,
    printRowRange: "active",
    initialSort: [{ column: "name", dir: "asc" }, { column: "rank", dir: "asc" }],
    rowFormatter: (row) => row.getElement().setAttribute("aria-rowindex", String(row.getPosition() + 1 || 1)),
    columns: [
      column("Unit", "name", nameCell, { widthGrow: 2, minWidth: 150, sorter: "string" }),
      column("Service", "service", cell((unit) => isolated(unit.service || "")), { widthGrow: 1.2, minWidth: 100, sorter: text((unit) => unit.service) }),
      column("State", "rank", stateCell, { width: 130, sorter: "number" }),
      column("Owners", "owners", ownersCell, { widthGrow: 1.8, minWidth: 130, sorter: text((unit) => unit.owners.join()) }),
      column("Datasets", "datasets", datasetsCell, { widthGrow: 2, minWidth: 140, sorter: text((unit) => (unit.datasets[0] || {}).id) }),
      column("Who can read, until when", "people", readersCell(2), { formatterPrint: readersCell(Infinity), widthGrow: 3.4, minWidth: 190, sorter: text((unit) => unit.first_end) }),
      column("Expires", "expires", expiresCell, { width: 116, sorter: text((unit) => unit.expires) }),
      column("Started by", "schedule", scheduleCell, { widthGrow: 1.3, minWidth: 110, sorter: text((unit) => unit.task || unit.schedule) }),
      column("Last sync", "succeeded", syncCell, { width: 140, sorter: text((unit) => unit.succeeded) }),
    ],
  });
  table.on("tableBuilt", () => {
    const grid = byId("table");
    grid.setAttribute("aria-label", "Units");
    grid.setAttribute("aria-rowcount", String(units.length + 1));
    // Its rows have buttons, which the keyboard scrolls to; a grid may not hold another stop.
    grid.querySelector(".tabulator-tableholder").removeAttribute("tabindex");
    for (const header of grid.querySelectorAll(".tabulator-col.tabulator-sortable")) {
      header.tabIndex = 0;
      header.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        const dir = header.getAttribute("aria-sort") === "ascending" ? "desc" : "asc";
        table.setSort(header.getAttribute("tabulator-field"), dir);
      });
    }
    document.documentElement.dataset.ready = "true";
  });
  const counted = (number) => (number === units.length ? String(number) : `${number} of ${units.length}`);
  table.on("dataFiltered", (_, rows) => {
    byId("shown-count").textContent = counted(rows.length);
    byId("table").setAttribute("aria-rowcount", String(rows.length + 1));
  });

  // --- filters -----------------------------------------------------------------------------------------------------
  const fill = (id, values, words = (value) => value) => {
    for (const value of [...new Set(values)].filter(Boolean).sort()) byId(id).append(make("option", words(value), { value }));
  };
  fill("by-environment", units.map((unit) => unit.environment));
  fill("by-service", units.map((unit) => unit.service));
  fill("by-owner", units.flatMap((unit) => unit.owners));
  for (const state of severity) if (units.some((unit) => unit.state === state)) byId("by-state").append(make("option", data.states[state], { value: state }));
  let picked = null;
  const endsWithin = (unit, most) => [unit.expires, unit.first_end].some((end) => end && days(end) >= 0 && days(end) <= most);
  const refresh = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const value = (id) => byId(`by-${id}`).value;
    const [environment, service, state, owner, sensitive, schedule, end] = ["environment", "service", "state", "owner", "sensitive", "schedule", "end"].map(value);
    table.setFilter((unit) => (!picked || picked.has(unit.number)) && words.every((word) => unit.text.includes(word))
      && (!environment || unit.environment === environment) && (!service || unit.service === service) && (!state || unit.state === state)
      && (!owner || unit.owners.includes(owner)) && (!sensitive || unit.sensitive === (sensitive === "yes"))
      && (!schedule || (schedule === "airflow" ? Boolean(unit.task) : Boolean(unit.service) && !unit.task))
      && (!end || endsWithin(unit, Number(end))));
  };
  let waiting = 0;
  let opener = null;
  byId("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 80); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => { pick(null); setTimeout(refresh, 0); });
  document.addEventListener("click", (event) => {
    const tile = event.target.closest("[data-filter]");
    if (tile) {
      byId("filters").reset();
      if (tile.dataset.filter === "sensitive") byId("by-sensitive").value = "yes";
      else if (tile.dataset.filter === "soon") byId("by-end").value = "30";
      else byId("by-state").value = tile.dataset.filter;
      refresh();
      byId("units").scrollIntoView();
    }
    const unit = event.target.closest("[data-unit]");
    if (unit && byKey.has(unit.dataset.unit)) {
      opener = unit;
      show(byKey.get(unit.dataset.unit));
    }
  });

  // --- the picture -------------------------------------------------------------------------------------------------
  const svg = byId("flow-svg");
  const nodes = [...svg.querySelectorAll(".node")];
  const edges = [...svg.querySelectorAll(".edges path")];
  const pick = (number) => {
    picked = number === null ? null : new Set(data.nodes[number]);
    svg.classList.toggle("picked", picked !== null);
    nodes.forEach((node, at) => {
      node.setAttribute("aria-pressed", String(at === number));
      node.classList.toggle("lit", picked !== null && data.nodes[at].some((unit) => picked.has(unit)));
    });
    edges.forEach((edge, at) => edge.classList.toggle("lit", picked !== null && data.edges[at][2].some((unit) => picked.has(unit))));
    const note = byId("neighbourhood");
    note.hidden = picked === null;
    if (picked !== null) {
      const clear = make("button", "Show all", { type: "button", class: "link" });
      clear.addEventListener("click", () => { pick(null); refresh(); });
      note.replaceChildren("Only what is connected with ", isolated(nodes[number].getAttribute("aria-label")), ". ", clear);
    }
  };
  const toggle = (node) => {
    const number = Number(node.dataset.n);
    pick(node.getAttribute("aria-pressed") === "true" ? null : number);
    refresh();
  };
  const focus = (node) => {
    nodes.forEach((each) => { each.tabIndex = -1; });
    node.tabIndex = 0;
    node.focus();
  };
  const place = (node) => {
    const box = node.querySelector("rect");
    return [Number(node.dataset.c), Number(box.getAttribute("y"))];
  };
  const neighbour = (node, key) => {
    const [c, y] = place(node);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const candidates = nodes.filter((each) => place(each)[0] === c + (step || 0) && each !== node);
    const distance = (each) => place(each)[1] - y;
    const allowed = step ? candidates : candidates.filter((each) => (key === "ArrowDown" ? distance(each) > 0 : distance(each) < 0));
    return allowed.sort((a, b) => Math.abs(distance(a)) - Math.abs(distance(b)))[0];
  };
  if (nodes.length) nodes.find((node) => node.dataset.c === "0" || node).tabIndex = 0;
  svg.addEventListener("click", (event) => {
    const node = event.target.closest(".node");
    if (node) { focus(node); toggle(node); } else if (picked) { pick(null); refresh(); }
  });
  svg.addEventListener("keydown", (event) => {
    const node = event.target.closest(".node");
    if (event.key === "Escape" && picked) { pick(null); refresh(); }
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(node); }
    if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = neighbour(node, event.key);
      if (next) focus(next);
    }
  });

  // On paper everything is unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));

  // --- the details of one unit ---------------------------------------------------------------------------------------
  const details = byId("details");
  // The table may have drawn the row anew meanwhile.
  details.addEventListener("close", () => {
    const same = [...document.querySelectorAll("[data-unit]")].find((each) => each.dataset.unit === opener?.dataset.unit);
    (opener?.isConnected ? opener : same)?.focus();
  });
  const show = (unit) => {
    const close = make("button", "Close", { type: "button", class: "close" });
    close.addEventListener("click", () => details.close());
    const heading = list(make("h2", unit.name, { id: "details-heading" }), [" ", make("span", data.states[unit.state], { class: `tag ${unit.state}` })]);
    const parts = [close, heading];
    if (unit.description) parts.push(list(make("p"), [isolated(unit.description)]));
    const chain = make("ul", undefined, { class: "chain" });
    if (unit.service) chain.append(make("li", unit.service), list(make("li"), [link(unit.connection, unit.connection_url)]));
    for (const each of unit.datasets.slice(0, 8)) chain.append(list(make("li"), [link(each.id, each.url)]));
    if (unit.datasets.length > 8) chain.append(make("li", `${unit.datasets.length - 8} more datasets`));
    if (unit.task || unit.schedule) chain.append(list(make("li"), [isolated(unit.task || unit.schedule)]));
    parts.push(chain);
    for (const each of unit.findings) parts.push(list(make("p"), [make("span", "needs attention", { class: "tag attention" }), " ", withCode(each)]));
    for (const each of unit.tasks) parts.push(list(make("p"), [make("span", "Fivetran", { class: "tag" }), " ", isolated(each)]));
    if (unit.pending) parts.push(list(make("p"), [make("span", "pending", { class: "tag pending" }), " ", withCode(unit.pending)]));
    if (unit.next) parts.push(list(make("p"), [make("span", "Next", { class: "label" }), " ", withCode(unit.next)]));
    const facts = make("dl");
    const fact = (name, ...values) => { if (values.some(Boolean)) facts.append(make("dt", name), list(make("dd"), values.filter(Boolean))); };
    fact("Environment", unit.environment);
    fact("Owners", ...unit.owners.flatMap((owner, at) => [at ? ", " : "", isolated(owner)]));
    fact("File", link(unit.file, unit.file_url));
    fact("Connection", unit.id && link(unit.id, unit.connection_url));
    fact("Set-up", unit.setup);
    fact("Sync", unit.sync);
    fact("Paused", unit.pause && isolated(unit.pause));
    fact("Last sync", time(unit.succeeded));
    fact("Last failure", time(unit.failed));
    fact("Historical sync", unit.history === undefined ? null : unit.history ? "done" : "not done");
    fact("Schedule", unit.schedule);
    fact("Airflow variable", unit.variable && make("code", unit.variable));
    fact("DAG", unit.airflow && withCode(unit.airflow));
    fact("Expires", unit.expires ? `${unit.expires}; removed on ${unit.removed_on}` : unit.never ? isolated(`never: ${unit.never}`) : null);
    fact("Retired", unit.retired && isolated(unit.retired));
    parts.push(facts);
    for (const each of unit.datasets) parts.push(...readers(each));
    details.replaceChildren(...parts);
    details.showModal();
  };
  const readers = (dataset) => {
    const heading = list(make("h3", "Who can read "), [link(dataset.id, dataset.url)]);
    if (dataset.sensitive) heading.append(" ", make("span", "sensitive", { class: "tag sensitive" }));
    const rows = (dataset.grants || []).map((at) => data.grants[at]);
    if (!rows.length) return [heading, make("p", "No file gives access to it.", { class: "muted" })];
    const shown = make("table", undefined, { class: "readers" });
    shown.append(list(make("thead"), [list(make("tr"), ["Member", "Role", "Until", "By"].map((name) => make("th", name, { scope: "col" })))]));
    shown.append(list(make("tbody"), rows.map((row) => {
      const member = list(make("td"), [isolated(row[MEMBER])]);
      const until = list(make("td"), [row[UNTIL] || (row[CONDITION] ? isolated(`on the condition ${row[CONDITION]}`) : "no end")]);
      if (row[TICKET]) until.append(" (", isolated(row[TICKET]), ")");
      const by = list(make("td"), [isolated(row[WHERE])]);
      if (row[STATE] === "pending") by.append(", from the next run on");
      if (row[PLACE]) by.append(make("br"), make("code", row[PLACE]));
      return list(make("tr"), [member, make("td", row[ROLE].replace("roles/", "") + (row[MAY] ? " (may read)" : "")), until, by]);
    })));
    return [heading, shown];
  };
  details.addEventListener("click", (event) => { if (event.target === details) details.close(); });
})();
