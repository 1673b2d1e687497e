// The batches: what each one asked for, when it was planned and ran, and what its jobs used of it.
const [ASKED, HELD, BUSY, GPU_ASKED, GPU_HELD] = ["cores_asked", "cores_held", "cores_busy", "gpus_asked", "gpus_held"];
const share = (part, whole) => whole > 0 ? part / whole : null;
const percent = value => value === null ? "" : Math.round(value * 100) + " %";
const spent = batch => batch.runs.reduce((sum, run) => sum + run[1], 0);
const startOf = batch => batch.runs.length ? batch.runs[0][0] : null;
const hours = value => value ? value < .01 ? value.toFixed(4) : value.toFixed(2) : "";
const lastEnd = Math.max(1e-9, timeline.end, ...batches.map(batch => batch.planned + batch.expected));
function paintTimes(cell, batch) {
  cell.classList.add("two");
  const bar = (from, long, top, colour) => {
    const mark = element(cell, "i");
    Object.assign(mark.style, {left: from / lastEnd * 100 + "%", width: `max(2px, ${long / lastEnd * 100}%)`, top, background: colour});
  };
  bar(batch.planned, batch.expected, "6px", "var(--plan)");
  for (const [from] of batch.submitted) {
    const begun = batch.runs.find(run => run[0] >= from);
    bar(from, (begun ? begun[0] : lastEnd) - from, "19px", "var(--dim)");
    cell.lastChild.classList.add("wait");
  }
  for (const [from, long, , reason] of batch.runs) bar(from, long, "16px", reason === "complete" || reason === "runs" ? "var(--cpu)" : "var(--fail)");
  cell.title = `planned ${durationText(batch.expected)} from ${durationText(batch.planned)}; ` +
    batch.submitted.map(([from, id]) => `submitted at ${durationText(from)}${id ? ` as ${id}` : ""}; `).join("") +
    (batch.runs.map(run => `${durationText(run[1])} from ${durationText(run[0])} on ${run[2]}, ${run[3]}`).join("; ") || "not run");
}
const part = (id, title, from, some, whole) => ({id, title, from, width: "68px", least: 68, number: true,
  value: batch => share(batch.used[some], batch.used[whole]), text: batch => percent(share(batch.used[some], batch.used[whole]))});
const gpuColumns = [
  {id: "gpuhours", title: "GPU-hours", from: 1200, width: "106px", least: 106, number: true, value: batch => batch.used[GPU_ASKED], text: batch => hours(batch.used[GPU_ASKED])},
  part("gpuheld", "held", 1200, GPU_HELD, GPU_ASKED),
];
const batchColumns = [
  {id: "batch", title: "batch", width: "128px", least: 128, value: batch => batch.id},
  {id: "jobs", title: "jobs", width: "64px", least: 64, number: true, value: batch => batch.jobs, text: batch => batch.done < batch.jobs ? `${batch.done}/${batch.jobs}` : batch.jobs},
  {id: "failed", title: "failed", width: "72px", least: 72, number: true, value: batch => batch.failed, paint: (cell, batch) => { if (batch.failed) tone(cell, "FAIL", batch.failed); }},
  {id: "asked", title: "asked for", width: "minmax(130px, 1fr)", least: 130, value: batch => batch.cpus * batch.nodes, text: batch =>
    [[batch.cpus, "cpu"], [batch.gpus, "gpu"], [batch.nodes > 1 ? batch.nodes : 0, "node"]].filter(([number]) => number)
      .map(([number, one]) => `${number} ${one}${number > 1 ? "s" : ""}`).join(", ")},
  {id: "times", title: "plan above, run below", width: "minmax(190px, 3fr)", least: 190, value: batch => startOf(batch), paint: paintTimes},
  {id: "expected", title: "expected", from: 760, width: "96px", least: 96, number: true, value: batch => batch.expected, text: batch => durationText(batch.expected)},
  {id: "took", title: "took", width: "80px", least: 80, number: true, value: batch => batch.runs.length ? spent(batch) : null, text: batch => batch.runs.length ? durationText(spent(batch)) : ""},
  {id: "runs", title: "runs", from: 1280, width: "62px", least: 62, number: true, value: batch => batch.runs.length},
  {id: "hours", title: "core-hours", from: 860, width: "108px", least: 108, number: true, value: batch => batch.used[ASKED], text: batch => hours(batch.used[ASKED])},
  part("held", "held", 1000, HELD, ASKED),
  part("busy", "busy", 1000, BUSY, ASKED),
  ...(batches.some(batch => batch.gpus) ? gpuColumns : []),
];
const batchGrid = new Grid(byId("batch-grid"), batches, batchColumns, {
  order: {id: "", value: batch => batch.place}, areas: ["batch asked took", "times times failed"], nothing: "There are none.",
  open: (batch, move) => { filterBy(batch.id); if (move) byId("job-grid").focus(); },
});
