"use strict";
// Shows the report in the page. Whatever a server said reaches the page as text only: `append` and `textContent`, never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const VERDICTS = { f: ["✗", "failed"], w: ["!", "warnings"], i: ["?", "inconclusive"], x: ["≈", "expected"], p: ["✓", "passed"], s: ["–", "skipped"] };
const MEANINGS = { f: "fails, and the run with it", w: "fails in what SHOULD be", i: "could not be judged", x: "fails as the baseline expects", p: "holds", s: "did not apply" };
const ORDER = "fwixps";
const LEVELS = ["MUST", "SHOULD", "MAY", "HOUSE"];
const several = data.servers.length > 1;

// Every run of every server, with the index of its server.
const runs = data.servers.flatMap((server, index) => server.runs.map((run) => ({ ...run, server: index, label: `${run.revision} ${run.transport}` })));
const columns = [...new Set(runs.map((run) => run.label))];
const areas = [...new Set(data.checks.map((check) => check.area))];
const requirements = new Map();
data.checks.forEach((check, index) => {
  if (!requirements.has(check.requirement)) requirements.set(check.requirement, []);
  requirements.get(check.requirement).push(index);
});

// What is chosen; kept in the address, so that a view can be shared.
const view = { verdicts: new Set("fwi"), levels: new Set(), text: "", server: null, run: null, area: null, open: new Set() };
// The first failure is open without being asked for.
const first = items().filter((item) => item.worst === "f").slice(0, 1).map((item) => item.requirement);
// On a small screen what failed comes before the table of areas.
let unfolded = several || !matchMedia("(max-width: 70rem)").matches;

function element(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function fill(id, ...children) {
  document.getElementById(id).replaceChildren(...children.filter(Boolean));
}

/* Draws anew, and leaves the keyboard and the scrolled tables where they were. */
function keepingPlace(draw) {
  const key = document.activeElement && document.activeElement.dataset.key;
  const scrolled = [...document.querySelectorAll(".scroll")].map((box) => [box.parentNode.id, box.scrollLeft, box.scrollTop]);
  draw();
  for (const [id, left, top] of scrolled) {
    const box = document.querySelector(`#${id} .scroll`);
    if (box) box.scrollTo(left, top);
  }
  const same = key && [...document.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key);
  if (same) same.focus({ preventScroll: true });
}

function link(address, text) {
  return /^https?:\/\//.test(address) ? element("a", { href: address, rel: "noreferrer" }, text) : document.createTextNode(text);
}

function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/* What was tested, and what came of it. */
function head() {
  const only = several ? null : data.servers[0];
  const title = several ? plural(data.servers.length, "server") : only ? `${only.name || only.label} ${only.version}`.trim() : "No server";
  const told = [...new Set(data.servers.flatMap((server) => server.notes.map((note) => (several ? `${server.label}: ${note}` : note))))];
  const notes = told.map((note) => element("p", { class: "note small" }, note));
  const times = data.servers.map((server) => server.started_at).filter(Boolean).sort();
  const duration = data.servers.reduce((sum, server) => sum + server.duration_ms, 0);
  fill("head",
    element("h1", {}, title),
    only && only.name ? element("p", { class: "mono soft" }, only.label) : null,
    element("p", { class: "conclusion " + (data.good ? "p" : "f"), id: "conclusion" }, data.conclusion),
    ...data.servers.filter((server) => server.not_reached).slice(0, 20).map((server) => element("p", { class: "note small absent" }, element("strong", {}, `${server.label} was not reached: `), server.not_reached)),
    ...(notes.length > 3 ? [element("details", { class: "small" }, element("summary", {}, plural(notes.length, "note")), ...notes)] : notes));
  const when = times.length ? `, ${times[0].replace("T", " ").replace("Z", " UTC")}` : "";
  const legend = [...ORDER].filter((verdict) => verdict !== "x" || runs.some((run) => run.expected)).flatMap((verdict) => [element("span", { class: `dot ${verdict}` }, VERDICTS[verdict][0]), ` ${MEANINGS[verdict]}  `]);
  fill("foot", element("p", { class: "legend" }, ...legend), element("p", {}, `${data.tool} ${data.version}${when}, ${(duration / 1000).toFixed(1)} s. This page loads nothing from anywhere.`));
  document.title = `${title}: ${data.conclusion}`;
}

/* Counts of verdicts over some checks of some runs. */
function tally(chosenRuns, chosenChecks) {
  const counts = { f: 0, w: 0, i: 0, x: 0, p: 0, s: 0 };
  for (const run of chosenRuns) {
    for (const check of chosenChecks) {
      const verdict = run.verdicts[check];
      if (verdict in counts) counts[verdict] += 1;
    }
  }
  return counts;
}

function cell(counts, label, pressed, choose) {
  const worst = [...ORDER].find((verdict) => counts[verdict] > 0);
  if (!worst) return element("td", {});
  const text = `${VERDICTS[worst][0]} ${counts[worst]}`;
  const all = [...ORDER].filter((verdict) => counts[verdict]).map((verdict) => `${counts[verdict]} ${VERDICTS[verdict][1]}`).join(", ");
  return element("td", {}, element("button", { class: worst, title: `${label}: ${all}`, "aria-label": `${label}: ${all}`, "data-key": `cell ${label}`, "aria-pressed": pressed, onclick: choose }, text));
}

function grid(labels, rows) {
  const heads = labels.map((label) => {
    const [revision, transport] = label.split(" ");
    return element("th", { scope: "col" }, revision, element("small", {}, transport));
  });
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, element("th", {}), ...heads)), element("tbody", {}, ...rows)));
}

function change(values) {
  Object.assign(view, values);
  show();
}

/* Servers side by side. */
function servers() {
  if (!several) return;
  const every = data.checks.map((_, index) => index);
  const rows = data.servers.map((server, index) => {
    const choose = () => change({ server: view.server === index ? null : index, run: null, area: null });
    const cells = columns.map((label) => {
      const own = runs.filter((run) => run.server === index && run.label === label);
      const pressed = view.server === index && view.run === label;
      return cell(tally(own, every), `${server.label}, ${label}`, pressed, () => change(pressed ? { server: null, run: null } : { server: index, run: label }));
    });
    const name = element("button", { "aria-pressed": view.server === index, "data-key": `server ${index}`, title: server.label, onclick: choose }, server.label);
    if (server.not_reached) return element("tr", {}, element("th", { scope: "row", title: server.label }, server.label), element("td", { class: "f", colspan: columns.length, title: server.not_reached }, "not reached"));
    return element("tr", {}, element("th", { scope: "row" }, name, server.partial ? element("small", { class: "tag w" }, "interrupted") : null), ...cells);
  });
  fill("servers", element("h2", {}, "Servers, by the worst verdict of their checks"), grid(columns, rows));
}

/* Areas by revision and transport: of the chosen server, or of the only one. */
function matrix() {
  const chosen = several ? view.server : 0;
  if (chosen === null || !data.servers.length) return fill("matrix");
  const own = runs.filter((run) => run.server === chosen);
  const labels = own.map((run) => run.label);
  const rows = areas.map((area) => {
    const checks = data.checks.flatMap((check, index) => (check.area === area ? [index] : []));
    const cells = own.map((run) => {
      const pressed = view.area === area && view.run === run.label;
      return cell(tally([run], checks), `${area}, ${run.label}`, pressed, () => change(pressed ? { area: null, run: null } : { area, run: run.label }));
    });
    const name = element("button", { "aria-pressed": view.area === area && !view.run, "data-key": `area ${area}`, onclick: () => change({ area: view.area === area ? null : area, run: null }) }, area);
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  const title = several ? `Areas of ${data.servers[chosen].label}` : "Areas, by the worst verdict of their checks";
  const box = element("details", {}, element("summary", { "data-key": "areas" }, element("h2", {}, title)), grid(labels, rows));
  box.open = unfolded;
  box.addEventListener("toggle", () => { unfolded = box.open; });
  fill("matrix", box);
}

/* The requirements that the chosen runs and areas have results for, each with its worst verdict. */
function items() {
  const chosen = runs.filter((run) => (view.server === null || run.server === view.server) && (view.run === null || run.label === view.run));
  const found = [];
  for (const [requirement, all] of requirements) {
    const checks = all.filter((check) => view.area === null || data.checks[check].area === view.area);
    const seen = new Set();
    const dots = chosen.map((run) => {
      const worst = checks.reduce((worst, check) => {
        const verdict = run.verdicts[check] || "-";
        return ORDER.includes(verdict) && (worst === "-" || ORDER.indexOf(verdict) < ORDER.indexOf(worst)) ? verdict : worst;
      }, "-");
      if (worst !== "-") seen.add(worst);
      return worst;
    });
    const worst = [...ORDER].find((verdict) => seen.has(verdict));
    if (worst) found.push({ requirement, checks, worst, dots, runs: chosen, ...describe(checks) });
  }
  return found.sort((a, b) => ORDER.indexOf(a.worst) - ORDER.indexOf(b.worst));
}

function describe(checks) {
  const { statement, level } = data.checks[checks[0]];
  return { statement, level, kind: level.replace(" NOT", "") };
}

function matches(item) {
  const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [item.requirement, item.statement, ...item.checks.map((check) => data.checks[check].id)].join(" ").toLowerCase();
  return (!view.levels.size || view.levels.has(item.kind)) && words.every((word) => text.includes(word));
}

function toggled(set, key) {
  const copy = new Set(set);
  if (!copy.delete(key)) copy.add(key);
  return copy;
}

function filters(found) {
  // Failures are expected only where there is a baseline.
  const offered = [...ORDER].filter((verdict) => verdict !== "x" || runs.some((run) => run.expected));
  const verdicts = offered.map((verdict) => {
    const number = found.filter((item) => item.worst === verdict).length;
    return element("button", { class: `chip ${verdict}`, "data-key": `verdict ${verdict}`, "aria-pressed": view.verdicts.has(verdict), onclick: () => change({ verdicts: toggled(view.verdicts, verdict) }) }, `${VERDICTS[verdict][0]} ${number} ${VERDICTS[verdict][1]}`);
  });
  const levels = LEVELS.filter((level) => found.some((item) => item.kind === level)).map((level) =>
    element("button", { class: "chip level", "data-key": `level ${level}`, "aria-pressed": view.levels.has(level), onclick: () => change({ levels: toggled(view.levels, level) }) }, level));
  const scope = [view.server !== null && several ? data.servers[view.server].label : null, view.area, view.run].filter(Boolean).join(", ");
  const clear = scope ? element("button", { class: "chip scope", onclick: () => change({ server: null, area: null, run: null }) }, `${scope} ×`) : null;
  const old = document.querySelector("#filters input");
  const search = old || element("input", { type: "search", placeholder: "Search requirements and checks", "aria-label": "Search", oninput: (event) => { view.text = event.target.value; show(); } });
  if (search.value !== view.text) search.value = view.text;
  const box = document.getElementById("filters");
  // The search box stays in the page: put in anew, it would lose the cursor.
  while (box.firstChild && box.firstChild !== search) box.firstChild.remove();
  while (search.nextSibling) search.nextSibling.remove();
  if (!old) box.append(search);
  search.before(...[...verdicts, element("span", { class: "gap" }), ...levels, clear].filter(Boolean));
}

const SHOWN = 300;

function list(found) {
  const shown = found.filter((item) => view.verdicts.has(item.worst));
  const nodes = shown.slice(0, SHOWN).map(row);
  if (shown.length > SHOWN) {
    const rest = element("button", { class: "more", onclick: () => rest.replaceWith(...shown.slice(SHOWN).map(row)) }, `Show ${shown.length - SHOWN} more`);
    nodes.push(rest);
  }
  const hidden = found.length - shown.length;
  const empty = found.length ? `None of these verdicts. ${plural(hidden, "requirement")} with other verdicts: choose them above.` : "Nothing matches.";
  const told = plural(shown.length, "requirement");
  document.getElementById("status").textContent = told;
  fill("list", element("h2", {}, told), ...(shown.length ? nodes : [element("p", { class: "empty" }, empty)]));
}

function row(item) {
  const dots = element("span", { class: "dots" });
  if (item.dots.length <= 8) {
    item.dots.forEach((verdict, index) => {
      const [sign, word] = VERDICTS[verdict] || ["·", "not checked"];
      dots.append(element("span", { class: `dot ${verdict === "-" ? "n" : verdict}`, title: `${item.runs[index].label}: ${word}` }, sign));
    });
  } else {
    const bad = item.dots.filter((verdict) => verdict === item.worst).length;
    dots.append(element("span", { class: `tag ${item.worst}` }, `${VERDICTS[item.worst][0]} ${bad} of ${item.dots.length} runs`));
  }
  const node = element("details", { class: "item" },
    element("summary", { "data-key": `item ${item.requirement}` }, element("span", { class: `tag level ${item.worst}` }, item.level), element("span", { class: "says" }, item.statement), dots, element("span", { class: "id mono" }, item.requirement)));
  const open = () => { if (node.open && node.children.length === 1) node.append(body(item)); };
  if (view.open.has(item.requirement)) { node.open = true; open(); }
  node.addEventListener("toggle", () => {
    open();
    if (node.open) view.open.add(item.requirement);
    else view.open.delete(item.requirement);
    writeAddress();
  });
  return node;
}

/* Evidence, transcript and reproduction of one requirement. */
function body(item) {
  const failed = new Map(), others = new Map(), pages = new Map();
  for (const run of item.runs) {
    const where = several ? `${data.servers[run.server].label} (${run.label})` : run.label;
    for (const check of item.checks) {
      const verdict = run.verdicts[check] || "-";
      const page = (data.pages[run.revision] || {})[check];
      if (verdict !== "-" && page !== undefined) pages.set(run.revision, data.addresses[page]);
      const told = run.told[check];
      const id = data.checks[check].id;
      if (verdict === "f" || verdict === "w" || verdict === "x") {
        const expected = verdict === "x" ? data.reasons[run.expected[check]] : null;
        // What differs in numbers only (ids, times) is the same to a person.
        const evidence = data.evidence[told[0]];
        const key = JSON.stringify([check, expected, evidence.expected, evidence.actual.replace(/\d+/g, "#")]);
        if (!failed.has(key)) failed.set(key, { check, verdict, expected, evidence, rerun: told[1], places: [] });
        failed.get(key).places.push(where);
      } else if (verdict !== "-") {
        const reason = verdict === "p" ? "" : data.reasons[verdict === "i" ? told[0] : run.skipped[check]];
        const blame = verdict === "i" ? told[1] : null;
        const key = JSON.stringify([verdict, check, reason, blame]);
        if (!others.has(key)) others.set(key, { verdict, id, reason, blame, places: [] });
        others.get(key).places.push(where);
      }
    }
  }
  const links = [...pages].flatMap(([revision, address], index) => [index ? ", " : "", link(address, revision)]);
  const node = element("div", { class: "body" }, element("p", {}, "Specification: ", ...links));
  addInParts(node, [...failed.values()], 10, place);
  addInParts(node, [...others.values()].sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict)), 30, other);
  return node;
}

function addInParts(node, all, number, make) {
  node.append(...all.slice(0, number).map(make));
  if (all.length <= number) return;
  const more = element("button", { class: "more", onclick: () => more.replaceWith(...all.slice(number).map(make)) }, `Show ${all.length - number} more`);
  node.append(more);
}

function names(places) {
  return places.length <= 6 ? places.join(", ") : `${places.slice(0, 5).join(", ")} and ${places.length - 5} more`;
}

function place({ check, verdict, expected, evidence, rerun, places }) {
  const { id, title } = data.checks[check];
  const facts = element("dl", {});
  const fact = (name, value) => { if (value) facts.append(element("dt", {}, name), element("dd", {}, value)); };
  fact("Known", expected);
  fact("Expected", evidence.expected);
  fact("Actual", evidence.actual);
  fact("In", names(places));
  fact("Asked at", element("code", {}, evidence.asked_at));
  for (const witness of evidence.witnesses || []) fact("Also", `${witness.id}: ${witness.actual}`);
  const lines = evidence.excerpt.map((line) => element("span", { class: line.startsWith("→") ? "sent" : line.startsWith("·") ? "event" : null }, line));
  return element("div", { class: "place" },
    element("h3", {}, element("span", { class: `dot ${verdict}` }, VERDICTS[verdict][0]), " ", title, " ", element("code", { class: "soft" }, id)),
    facts,
    lines.length ? element("p", { class: "caption" }, "What was sent (→) and received (←)") : null,
    lines.length ? element("pre", {}, ...lines) : null,
    rerun ? element("p", { class: "caption" }, "Run just this check again") : null,
    rerun ? element("pre", {}, copyButton(rerun), rerun) : null);
}

function copyButton(text) {
  const button = element("button", { class: "copy", onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { button.textContent = "cannot copy"; }
  } }, "copy");
  return button;
}

function other({ verdict, id, reason, blame, places }) {
  const [sign, word] = VERDICTS[verdict];
  return element("p", { class: "small" }, element("span", { class: `dot ${verdict}`, title: word }, sign), " ", element("code", {}, id),
    element("span", { class: "soft" }, ` in ${names(places)}`), reason ? `: ${reason}` : "", blame ? element("span", {}, " (because of ", element("code", {}, blame), ")") : null);
}

/* The view in the address: `#verdict=fw&level=MUST&text=tools&open=tools.name.format`. */
function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const list = (name) => (asked.get(name) || "").split(",").filter(Boolean);
  if (asked.has("verdict")) view.verdicts = new Set(asked.get("verdict"));
  view.levels = new Set(list("level"));
  view.text = asked.get("text") || "";
  view.area = asked.get("area");
  view.run = asked.get("run");
  view.open = new Set(asked.has("open") ? list("open") : first);
  const server = data.servers.findIndex((server) => server.label === asked.get("server"));
  view.server = server < 0 ? null : server;
}

function writeAddress() {
  const told = new URLSearchParams();
  const verdicts = [...ORDER].filter((verdict) => view.verdicts.has(verdict)).join("");
  if (verdicts !== "fwi") told.set("verdict", verdicts);
  if (view.levels.size) told.set("level", [...view.levels].join(","));
  for (const name of ["text", "area", "run"]) if (view[name]) told.set(name, view[name]);
  if ([...view.open].join() !== first.join()) told.set("open", [...view.open].join(","));
  if (view.server !== null && several) told.set("server", data.servers[view.server].label);
  history.replaceState(null, "", `#${told}`);
}

function show() {
  const found = items().filter(matches);
  keepingPlace(() => {
    servers();
    matrix();
    filters(found);
    list(found);
  });
  writeAddress();
}

addEventListener("hashchange", () => { readAddress(); show(); });
head();
readAddress();
show();
