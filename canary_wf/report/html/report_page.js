"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const named = (fields, row) => Object.fromEntries(fields.map((field, place) => [field, row[place]]));
const jobs = data.jobs.map((row, place) => Object.assign(named(data.job_fields, row), {place}));
for (const job of jobs) job.earlier = job.earlier.map(row => named(data.earlier_fields, row));
const batches = data.batches.map((row, place) => Object.assign(named(data.batch_fields, row), {place}));
const TONES = ["PASS", "FAIL", "CANCEL", "SKIP", "NONE"];
const SOURCES = {history: "from history", declared: "declared", default: "a quarter of its limit"};
const ORDER = {FAIL: 0, CANCEL: 1, NONE: 2, SKIP: 3, PASS: 4};
const byId = id => document.getElementById(id);
const isFailed = job => job.category === "FAIL" || job.category === "CANCEL";
const runs = job => job.category === "NONE" && job.started !== null;
const FILTERS = [
  {name: "failed", tone: "FAIL", keeps: job => job.category === "FAIL"},
  {name: "cancelled", tone: "CANCEL", keeps: job => job.category === "CANCEL"},
  {name: "running", tone: "NONE", keeps: runs},
  {name: "not-run", tone: "NONE", keeps: job => job.category === "NONE" && !runs(job)},
  {name: "skipped", tone: "SKIP", keeps: job => job.category === "SKIP"},
  {name: "passed", tone: "PASS", keeps: job => job.category === "PASS"},
  {name: "flaky", says: "passed after a failed attempt", keeps: job => job.marks.includes("f")},
  {name: "slower", says: "took clearly longer than the run before", keeps: job => job.marks.includes("s")},
  {name: "slow", says: "ran much longer than its earlier runs", keeps: job => job.marks.includes("l")},
];

function durationText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0) return "-" + durationText(-seconds);
  if (seconds < 1) return seconds.toFixed(2) + "s";
  if (seconds < 10) return seconds.toFixed(1) + "s";
  const whole = Math.round(seconds), two = n => String(n).padStart(2, "0");
  if (whole < 60) return whole + "s";
  if (whole < 3600) return Math.floor(whole / 60) + "m" + two(whole % 60) + "s";
  if (whole < 86400) return Math.floor(whole / 3600) + "h" + two(Math.floor(whole % 3600 / 60)) + "m";
  return Math.floor(whole / 86400) + "d" + two(Math.floor(whole % 86400 / 3600)) + "h";
}

function element(parent, name, text, properties) {
  const node = document.createElement(name);
  if (text !== undefined && text !== null) node.textContent = text;
  Object.assign(node, properties || {});
  if (parent) parent.appendChild(node);
  return node;
}

function draw(parent, name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

{% include "report_grid.js" %}

{% include "report_timeline.js" %}

const detail = byId("detail");
const batchOf = job => batches[job.batch];
const nodeOf = job => job.node === null ? "" : data.nodes[job.node];

function tone(parent, category, text) {
  return element(parent, "span", text, {className: "tone " + category});
}

function filterBy(text) {
  byId("find").value = text;
  refilter();
  keepAddress(true);
  byId("jobs").scrollIntoView();
}

async function copyText(text) {
  try { await navigator.clipboard.writeText(text); }
  catch {  // pages that came by plain HTTP, and those in frames, have no clipboard of their own
    const field = element(document.body, "textarea", text, {value: text, className: "unseen"});
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

function copyButton(parent, text, shown) {
  const button = element(parent, "button", null, {className: "plain copy", title: "Copy " + text});
  element(button, "code", shown || text);
  button.setAttribute("aria-label", "Copy " + (shown || text));
  button.addEventListener("click", async () => {
    await copyText(text);
    byId("copied").textContent = "Copied: " + (shown || text);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
    button.focus();
  });
}

{% include "report_details.js" %}

function paintStatus(cell, job) {
  tone(cell, job.category, job.status.replace(/ \(.*/, ""));
  const times = job.earlier.length + (job.started === null ? 0 : 1);
  if (job.earlier.length) element(cell, "span", ` ×${times}`, {className: "dim"});
  cell.title = job.status;
}

const usedNodes = new Set(jobs.map(job => job.node).filter(node => node !== null));
const jobColumns = [
  {id: "status", title: "status", width: "136px", least: 136, value: job => ORDER[job.category], paint: paintStatus},
  {id: "name", title: "name", width: "minmax(180px, 3fr)", least: 180, value: job => job.name},
  {id: "reason", title: "reason", width: "minmax(180px, 4fr)", least: 180, value: job => job.reason},
  {id: "below", title: "reason", from: Infinity, value: job => job.reason, text: job => job.reason || job.file},
  {id: "took", title: "took", width: "80px", least: 80, number: true, value: job => job.duration, text: job => durationText(job.duration)},
  {id: "expected", title: "expected", from: 1000, width: "96px", least: 96, number: true, value: job => job.expected, text: job => durationText(job.expected)},
  {id: "file", title: "file", from: 760, width: "minmax(150px, 1.6fr)", least: 150, value: job => job.file},
  {id: "node", title: "node", from: usedNodes.size > 1 ? 1000 : Infinity, width: "minmax(80px, .7fr)", least: 80, value: nodeOf},
  {id: "batch", title: "batch", from: 1300, width: "128px", least: 128, value: job => batchOf(job).id},
];
const jobGrid = new Grid(byId("job-grid"), jobs, jobColumns, {
  order: jobColumns[0], areas: ["status name took", "below below below"], nothing: "Nothing matches.", open, close,
  sorted: () => keepAddress(true),
});

const chosen = new Set(), chips = new Map();
const wanted = () => byId("find").value.trim();
const text = jobs.map(job => [job.name, job.file, job.reason || "", job.words, job.status, nodeOf(job)].join("\n").toLowerCase());
const wordsOf = filter => filter.name.replace("-", " ");

// Each chip that is pressed adds its jobs; with none, there are all.
function refilter() {
  const find = wanted().toLowerCase(), adding = FILTERS.filter(filter => chosen.has(filter.name));
  const matches = job => !find || text[job.place].includes(find) || job.id.startsWith(find) || batchOf(job).id.startsWith(find);
  jobGrid.filter(adding.length || find ? job => (!adding.length || adding.some(filter => filter.keeps(job))) && matches(job) : null);
  for (const [name, chip] of chips) chip.setAttribute("aria-pressed", name === "all" ? !chosen.size : chosen.has(name));
  byId("found").textContent = filterText() ? `${jobGrid.shown.length} of ${jobs.length} jobs: ${filterText()}` : "";
}

function filterText() {
  const adding = FILTERS.filter(filter => chosen.has(filter.name)).map(wordsOf).join(" or ");
  return [adding, wanted() ? `with “${wanted()}”` : ""].filter(part => part).join(", ");
}

let typed = 0;
byId("find").addEventListener("input", () => {
  refilter();
  clearTimeout(typed);
  typed = setTimeout(() => keepAddress(!parts().find), 300);
});
byId("find").addEventListener("keydown", event => {
  if (event.key === "ArrowDown" || event.key === "Enter") { byId("job-grid").focus(); jobGrid.go(0); event.preventDefault(); }
});

function addChip(name, words, count, tone, says, press) {
  const chip = element(byId("chips"), "button", null, {className: "chip " + (tone || ""), title: says || ""});
  if (tone) element(chip, "i", null, {className: "dot"});
  chip.append(`${words} ${count}`);
  chip.addEventListener("click", () => { press(); refilter(); keepAddress(true); });
  chips.set(name, chip);
}
addChip("all", "all", jobs.length, "", "Show all jobs", () => chosen.clear());
for (const filter of FILTERS) {
  const count = jobs.reduce((sum, job) => sum + filter.keeps(job), 0);
  if (count) addChip(filter.name, wordsOf(filter), count, filter.tone, filter.says || `Show jobs that are ${wordsOf(filter)}`, () => {
    if (!chosen.delete(filter.name)) chosen.add(filter.name);
  });
}
chips.get("all").setAttribute("aria-pressed", true);
for (const [name, chip] of chips) if (name !== "all") chip.setAttribute("aria-pressed", false);

// The run as it was: a lane for each id of each node, filled bars of what ran, outlines of what was planned.
if (usedNodes.size !== 1) element(byId("node"), "option", usedNodes.size ? `all ${usedNodes.size} nodes` : "nothing ran yet", {value: ""});
for (const [number, name] of data.nodes.entries()) element(byId("node"), "option", name, {value: number});
const timeline = new Timeline(byId("time"));
byId("node").addEventListener("change", () => timeline.lay());
byId("planned").addEventListener("change", () => timeline.paint());
byId("in").addEventListener("click", () => timeline.scaleBy(2));
byId("out").addEventListener("click", () => timeline.scaleBy(.5));
byId("whole").addEventListener("click", () => { timeline.zoom = 1; timeline.resize(); });

{% include "report_batches.js" %}

{% include "report_address.js" %}

{% include "report_print.js" %}

addEventListener("resize", () => { jobGrid.arrange(); batchGrid.arrange(); });
if (location.hash) restore();
