// Everything can be read without this: it filters, opens all at once, and opens what a link leads to.
const form = document.querySelector("form.filter");
if (form) {
  const [search, which, button, told] = ["input", "select", "button", "output"].map((name) => form.querySelector(name));
  const verdicts = [...document.querySelectorAll("tbody.verdict")];
  const texts = verdicts.map((one) => (one.id + " " + one.rows[0].textContent + " "
    + one.closest("article").querySelector("h3").textContent).toLowerCase());
  const filter = () => {
    const wanted = search.value.toLowerCase().split(" ");
    verdicts.forEach((one, i) => {
      const fits = [which.value].every((kind) => !kind || kind === one.dataset.kind);
      one.hidden = !(fits ? wanted.every((word) => texts[i].includes(word)) : false);
    });
    document.querySelectorAll("main article, main section.findings").forEach((part) => {
      part.hidden = !part.querySelector("tbody.verdict:not([hidden])");
    });
    told.textContent = verdicts.filter((one) => !one.hidden).length + " of " + verdicts.length;
  };
  const panels = () => verdicts.filter((one) => !one.hidden).map((one) => one.querySelector("details"));
  button.addEventListener("click", () => {
    const open = button.textContent === "Open all";
    panels().forEach((panel) => { panel.open = open; });
    button.textContent = open ? "Close all" : "Open all";
  });
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
}
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const panel = target ? target.querySelector("tr.more details") : null;
  if (panel) { panel.open = true; target.scrollIntoView(); }
};
window.addEventListener("hashchange", reveal);
reveal();
