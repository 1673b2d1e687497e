// A table of which only the rows in sight exist, so that ten thousand are as quick as ten.
class Grid {
  static ROW = 30;

  constructor(root, rows, columns, order, open, close) {
    this.root = root; this.rows = rows; this.columns = columns; this.open = open; this.close = close;
    this.shown = rows; this.active = -1; this.order = order; this.down = false;
    root.style.setProperty("--columns", columns.map(column => column.width).join(" "));
    root.style.setProperty("--least", columns.reduce((sum, column) => sum + column.least, 0) + "px");
    root.setAttribute("aria-colcount", columns.length);
    this.head = element(root, "div", null, {className: "head"});
    this.head.setAttribute("role", "row");
    columns.forEach((column, place) => {
      const cell = element(this.head, "div", null, {className: column.number ? "n" : ""});
      cell.setAttribute("role", "columnheader");
      element(cell, "button", column.title, {onclick: () => this.sort(place), title: "Sort by " + column.title});
    });
    this.body = element(root, "div", null, {className: "body"});
    this.body.setAttribute("role", "rowgroup");
    root.addEventListener("scroll", () => this.paint());
    root.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.paint()).observe(root);
    this.arrange();
  }

  sort(place) {
    const column = this.columns[place];
    this.down = this.order === column.value ? !this.down : false;
    this.order = column.value;
    this.arrange();
  }

  filter(keep) { this.keep = keep; this.arrange(); }

  arrange() {
    const chosen = this.shown[this.active], value = this.order, sign = this.down ? -1 : 1;
    this.shown = this.keep ? this.rows.filter(this.keep) : [...this.rows];
    const keys = new Map(this.shown.map(row => [row, value(row)]));
    const missing = key => key === null || key === undefined || key === "";
    this.shown.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (missing(a) || missing(b)) return missing(a) - missing(b) || one.place - other.place;
      return sign * (typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0) || one.place - other.place;
    });
    this.columns.forEach((column, place) => this.head.children[place].setAttribute(
      "aria-sort", column.value !== value ? "none" : this.down ? "descending" : "ascending"));
    this.root.setAttribute("aria-rowcount", this.shown.length + 1);
    this.active = this.shown.indexOf(chosen);
    this.body.style.height = Math.max(this.shown.length, 2) * Grid.ROW + "px";
    const room = Math.min(Math.max(this.shown.length, 4) * Grid.ROW + 36, Math.max(300, Math.round(innerHeight * .66)));
    this.root.style.height = room + "px";
    this.paint();
  }

  paint() {
    const first = Math.max(0, Math.floor((this.root.scrollTop - 40) / Grid.ROW) - 4);
    const last = Math.min(this.shown.length, first + Math.ceil(this.root.clientHeight / Grid.ROW) + 10);
    const made = document.createDocumentFragment();
    for (let place = first; place < last; place++) made.appendChild(this.row(place));
    if (!this.shown.length) element(made, "div", "Nothing matches.", {className: "none"});
    this.body.replaceChildren(made);
    if (this.active >= first && this.active < last) this.root.setAttribute("aria-activedescendant", `${this.root.id}-${this.active}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  row(place) {
    const item = this.shown[place];
    const row = element(null, "div", null, {className: place === this.active ? "row active" : "row", id: `${this.root.id}-${place}`});
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", place + 2);
    row.setAttribute("aria-selected", place === this.active);
    row.style.top = place * Grid.ROW + "px";
    for (const column of this.columns) {
      const cell = element(row, "div", null, {className: column.number ? "cell n" : "cell"});
      cell.setAttribute("role", "gridcell");
      if (column.paint) column.paint(cell, item);
      else cell.textContent = cell.title = column.text ? column.text(item) : column.value(item) ?? "";
    }
    row.addEventListener("click", () => { this.go(place); this.open(item); });
    return row;
  }

  go(place) {
    this.active = Math.max(0, Math.min(this.shown.length - 1, place));
    const top = this.active * Grid.ROW, head = this.head.offsetHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + Grid.ROW + head > this.root.scrollTop + this.root.clientHeight)
      this.root.scrollTop = top + Grid.ROW + head - this.root.clientHeight;
    this.paint();
  }

  show(item) {
    const place = this.shown.indexOf(item);
    if (place >= 0) this.go(place);
    else { this.active = -1; this.paint(); }
  }

  key(event) {
    if (event.target !== this.root || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.root.clientHeight / Grid.ROW) - 2);
    const moves = {ArrowDown: this.active + 1, ArrowUp: Math.max(0, this.active - 1), PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: this.shown.length - 1};
    if (event.key in moves && this.shown.length) this.go(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.open(this.shown[this.active], true);
    else if (event.key === "Escape" && this.close) this.close();
    else return;
    event.preventDefault();
  }
}
