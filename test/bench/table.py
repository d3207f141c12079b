"""A table for people and, as Markdown, for documents."""


def number(value, digits=0, suffix=""):
    return "-" if value is None else f"{value:,.{digits}f}{suffix}"


class Table:
    def __init__(self, title, *columns):
        self.title = title
        self.columns = columns
        self.rows = []
        self.notes = []

    def row(self, *cells):
        assert len(cells) == len(self.columns), (cells, self.columns)
        self.rows.append([str(cell) for cell in cells])

    def note(self, text):
        self.notes.append(text)

    def plain(self):
        lines = [list(self.columns), *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        text = [self.title, ""]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            text.append("  ".join(cells).rstrip())
        return "\n".join([*text, "", *self.notes])

    def markdown(self):
        def row(cells):
            return f"| {' | '.join(cells)} |"

        rule = row(["---", *["---:"] * (len(self.columns) - 1)])
        lines = [row(self.columns), rule, *map(row, self.rows)]
        notes = [f"* {note}" for note in self.notes]
        return "\n".join([f"**{self.title}**", "", *lines, "", *notes, ""])

    def print_and_keep(self, folder, name):
        """On standard output, and in <folder>/<name>.md."""
        print(self.plain(), flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(self.markdown())
