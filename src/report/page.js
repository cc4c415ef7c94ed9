"use strict";
// Long tables: search, order, pages. What a table holds beyond its first rows waits in <noscript> and is read when it is
// first needed. Everything that is shown was escaped when the page was written; here text is only moved or compared.
(() => {
  const PRINTED = 2000;
  const plural = new Intl.NumberFormat("en");
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // A page that stays open, or is opened again, says how old it is by now.
  const seen = document.querySelector("header time"), since = make("span");
  const grow = () => {
    const minutes = Math.floor((Date.now() - Date.parse(seen.dateTime)) / 60000);
    const [many, unit] = minutes < 60 ? [1, "m"] : minutes < 2880 ? [60, "h"] : [1440, "d"];
    since.textContent = minutes < 1 ? "" : `, ${Math.floor(minutes / many)} ${unit} ago`;
  };
  seen.after(since);
  grow();
  setInterval(grow, 30000);

  function list(box) {
    const what = box.dataset.what, count = Number(box.dataset.rows), page = Number(box.dataset.page);
    const table = box.querySelector("table"), region = table.parentElement;
    const body = table.tBodies[0], caption = table.caption;
    const all = [...body.rows];
    let shown = all, first = 0, order = null, known = count === all.length;
    let size = page;

    const rest = () => {
      if (known) return;
      known = true;
      const waiting = box.querySelector("noscript");
      const parsed = new DOMParser().parseFromString(waiting.textContent, "text/html");
      for (const row of parsed.querySelectorAll("tbody tr")) all.push(row);
      waiting.remove();
    };

    const told = make("p", "", { class: "told", role: "status" });
    const back = make("button", "Previous", { type: "button" });
    const on = make("button", "Next", { type: "button" });
    const search = make("input", "", { type: "search", autocomplete: "off", spellcheck: "false" });

    const show = () => {
      const total = shown === all ? count : shown.length;
      const end = Math.min(first + size, total);
      if (end > shown.length || first + size > all.length) rest();
      body.replaceChildren(...shown.slice(first, first + size));
      const range = `${plural.format(first + 1)} to ${plural.format(end)} of ${plural.format(total)}`;
      const of = total === count ? " " + what : ` found, of ${plural.format(count)} ${what}`;
      told.textContent = total === 0 ? `none found, of ${plural.format(count)} ${what}` : range + of;
      caption.textContent = what;
      back.disabled = first === 0;
      on.disabled = end >= total;
    };

    const find = () => {
      rest();
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const fits = row => {
        row.words ??= row.textContent.toLowerCase();
        return words.every(word => row.words.includes(word));
      };
      shown = words.length ? all.filter(fits) : all;
      first = 0;
      show();
    };

    const sort = (column, head) => {
      rest();
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      order ??= new Intl.Collator("en", { numeric: true });
      const key = row => row.cells[column].dataset.n === undefined
        ? row.cells[column].textContent : Number(row.cells[column].dataset.n);
      const keyed = all.map(row => [key(row), row]);
      const compare = (a, b) => typeof a[0] === "number" && typeof b[0] === "number"
        ? a[0] - b[0] : order.compare(a[0], b[0]);
      keyed.sort((a, b) => down ? compare(b, a) : compare(a, b));
      all.splice(0, all.length, ...keyed.map(pair => pair[1]));
      find();
    };

    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", head.textContent, { type: "button" });
      button.addEventListener("click", () => sort(column, head));
      head.replaceChildren(button);
    });
    const controls = make("div", "", { class: "controls" });
    const label = make("label", "Search " + what);
    label.append(search);
    controls.append(label, told);
    if (count > page) controls.append(back, on);
    box.prepend(controls);

    let typing = 0;
    search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 120); });
    const leaf = by => { first += by * page; show(); region.scrollLeft = 0; };
    back.addEventListener("click", () => { leaf(-1); if (back.disabled) on.focus(); });
    on.addEventListener("click", () => { leaf(1); if (on.disabled) back.focus(); });
    // On paper there is nothing to leaf through: what can be printed is.
    addEventListener("beforeprint", () => {
      const total = shown === all ? count : shown.length;
      if (total > PRINTED) {
        told.textContent += "; too many for paper, the page itself has them all";
      } else if (total > size) {
        rest(); size = total; first = 0; show();
      }
    });
    addEventListener("afterprint", () => { size = page; show(); });
    caption.className = "unseen";
    region.setAttribute("aria-label", what);
    show();
  }

  for (const box of document.querySelectorAll(".list")) if (Number(box.dataset.rows) > 8) list(box);
})();
