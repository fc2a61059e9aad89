// report.js -- sorts and filters the tables; without it they are plain tables.
"use strict";
for (const table of document.querySelectorAll("table.data")) {
	const body = table.tBodies[0];
	const value = (row, column) => {
		const cell = row.cells[column];
		return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim().toLowerCase();
	};
	const compare = (a, b) => {
		if (typeof a === typeof b)
			return typeof a === "number" ? a - b : a.localeCompare(b);
		return typeof a === "number" ? 1 : -1;
	};
	[...table.tHead.rows[0].cells].forEach((head, column) => {
		if (!head.textContent.trim())
			return;
		const button = document.createElement("button");
		button.type = "button";
		button.append(...head.childNodes);
		head.append(button);
		button.addEventListener("click", () => {
			const numbers = head.classList.contains("n") || head.classList.contains("s");
			const now = head.getAttribute("aria-sort");
			const down = now ? now === "ascending" : numbers;
			for (const other of table.tHead.rows[0].cells)
				other.removeAttribute("aria-sort");
			head.setAttribute("aria-sort", down ? "descending" : "ascending");
			const rows = [...body.rows];
			rows.sort((x, y) => compare(value(x, column), value(y, column)) * (down ? -1 : 1));
			body.append(...rows);
		});
	});
	if (body.rows.length < 6)
		continue;
	const label = document.createElement("label");
	const input = document.createElement("input");
	label.className = "filter";
	input.type = "search";
	label.append("Filter", input);
	input.addEventListener("input", () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		for (const row of body.rows) {
			const text = row.textContent.toLowerCase();
			row.hidden = !words.every((word) => text.includes(word));
		}
	});
	table.parentNode.before(label);
}
