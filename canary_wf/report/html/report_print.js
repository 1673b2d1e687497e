// On paper, all rows stand in plain tables, as the list is filtered and sorted, and the timeline has all its lanes.
const PRINTED = 5000;

function printedTable(parent, columns, rows, total, most) {
  const table = element(parent, "table"), head = element(element(table, "thead"), "tr"), body = element(table, "tbody");
  for (const column of columns) element(head, "th", column.title, {className: `${column.id}${column.number ? " n" : ""}`});
  for (const item of rows.slice(0, most)) {
    const line = element(body, "tr");
    for (const column of columns) {
      const cell = element(line, "td", null, {className: `${column.id}${column.number ? " n" : ""}`});
      fill(cell, column, item);
    }
  }
  const more = rows.length - most, hiddenOnes = total - rows.length;
  if (more > 0) element(parent, "p", `${more} more are not printed; filter the list on the screen to print others.`);
  if (hiddenOnes > 0) element(parent, "p", `${hiddenOnes} more do not match what the list was filtered by: ${filterText()}.`);
}

function preparePrint(most) {
  document.documentElement.classList.add("printing");
  const paper = byId("paper"), wanted = ["status", "name", "reason", "file", "took", "expected"];
  paper.replaceChildren();
  const shown = jobGrid.shown, first = shown.length > most ? shown.filter(isFailed) : [];
  const rows = first.length ? [...first, ...shown.filter(job => !isFailed(job))] : shown;
  printedTable(paper, wanted.map(id => jobGrid.columns.find(column => column.id === id)), rows, jobs.length, most);
  const batchColumns = batchGrid.columns.filter(column => column.id !== "times" && column.id !== "hours");
  const times = [
    {id: "planned", title: "planned from", number: true, value: batch => batch.planned, text: batch => durationText(batch.planned)},
    {id: "started", title: "ran from", number: true, value: startOf, text: batch => durationText(startOf(batch))},
  ];
  printedTable(byId("batch-paper"), [...batchColumns.slice(0, 4), ...times, ...batchColumns.slice(4)], batchGrid.shown, batches.length, most);
  timeline.print(true);
}

function endPrint() {
  document.documentElement.classList.remove("printing");
  byId("paper").replaceChildren();
  byId("batch-paper").replaceChildren();
  timeline.print(false);
}

addEventListener("beforeprint", () => preparePrint(PRINTED));
addEventListener("afterprint", endPrint);
