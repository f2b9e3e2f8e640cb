"""How values show themselves: one table, as plain text and as HTML that says the same.

Every value that a verb returns has a title, rows and perhaps notes. `Shown` turns them into `__repr__`-like text for a
terminal and into HTML for a notebook, so that no value writes markup of its own.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GONE = "<div class='lepton-gone'></div>"
"""HTML of an output that has nothing more to show; the JupyterLab extension takes its empty row away."""
SHORT = 16
"""Characters of a cell that is never broken into two lines, so that a number keeps its unit."""


@dataclass(frozen=True)
class Table:
    """A title, a header and rows of cells, with notes below."""

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    notes: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    """Pairs of text and address, shown below the rows."""
    images: Sequence[tuple[str, ...]] = ()
    """Caption, and one PNG in base64 or two to stand side by side; text has the captions alone."""
    figures: Sequence[str] = ()
    """HTML of what is to be seen besides, shown below the notes: drawings of `charts`, other tables; text has none."""
    is_drawn: bool = False
    """Whether the figures show what the rows say: HTML then leaves the rows out."""

    def text(self) -> str:
        """The table for a terminal."""
        cells = [[str(cell) for cell in row] for row in self.rows]
        lines = [self.title]
        if cells:
            columns = [*zip(*([list(self.header)] if self.header else []), *cells, strict=False)]
            widths = [max(map(len, column)) for column in columns]
            for row in ([list(self.header)] if self.header else []) + cells:
                lines.append(
                    "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
                )
        captions = [caption for caption, *_ in self.images]
        if captions:
            lines.append(f"  pictures of {', '.join(captions)}: seen in a notebook")
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  {text}: {address}" for text, address in self.links]
        return "\n".join(lines)

    def html(self) -> str:
        """The table for a notebook."""
        escape = html.escape
        parts = [f"<div class='lepton-table'><b>{escape(self.title)}</b>"]
        if self.rows and not self.is_drawn:
            parts.append("<table style='margin:0.3em 0'>")
            if self.header:
                head = "".join(
                    f"<th style='text-align:left'>{escape(cell)}</th>" if cell else "<td></td>" for cell in self.header
                )
                parts.append(f"<thead><tr>{head}</tr></thead>")
            parts.append("<tbody>")
            for row in self.rows:
                body = "".join(_cell(str(cell)) for cell in row)
                parts.append(f"<tr>{body}</tr>")
            parts.append("</tbody></table>")
        if self.images:
            parts.append("<div style='display:flex;flex-wrap:wrap;gap:8px;margin:0.4em 0'>")
            parts += [_figure(caption, pngs, 56 if len(pngs) == 1 else 96) for caption, *pngs in self.images]
            parts.append("</div>")
        parts += [f"<div>{escape(note)}</div>" for note in self.notes]
        parts += [
            f"<div>{escape(text)}: "
            f"<a href='{escape(address)}' target='_blank' rel='noopener'>{escape(address)}</a></div>"
            for text, address in self.links
        ]
        if self.figures:
            drawn = "".join(f"<div>{figure}</div>" for figure in self.figures)
            parts.append(f"<div style='display:flex;flex-wrap:wrap;gap:1.5em;margin:0.6em 0'>{drawn}</div>")
        return "".join([*parts, "</div>"])


def _cell(text: str) -> str:
    whole = ";white-space:nowrap" if len(text) <= SHORT else ""
    return f"<td style='text-align:left{whole}'>{html.escape(text)}</td>"


def _figure(caption: str, pngs: Sequence[str], side: int) -> str:
    """Pictures side by side over their caption."""
    caption = html.escape(caption)
    images = "".join(
        f"<img alt='{caption}' style='width:{side}px;height:{side}px;object-fit:contain;image-rendering:pixelated' "
        f"src='data:image/png;base64,{png}'>"
        for png in pngs
    )
    figure = "<figure style='margin:0;text-align:center;font-size:80%'>"
    return f"{figure}{images}<figcaption>{caption}</figcaption></figure>"


class Shown(ABC):
    """Mixin: a value which shows itself as the `Table` that `table()` gives."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # IPython takes what the class itself has, `_repr_pretty_` or `__repr__`, and a dataclass has the latter.
        cls._repr_pretty_ = cls._repr_pretty_  # type: ignore[method-assign]  # the inherited one, as the class's own

    @abstractmethod
    def table(self) -> Table:
        """What is to be seen of this value."""

    def __str__(self) -> str:
        return self.table().text()

    def _repr_html_(self) -> str:
        return self.table().html()

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(str(self))  # type: ignore[attr-defined]  # IPython's RepresentationPrinter is untyped


def place(path: Path) -> str:
    """A path for a person: from the current folder, which is the notebook's own, where it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def size(num_bytes: float) -> str:
    """Bytes for a person, in decimal units: `46.9 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(num_bytes) < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


def times(ratio: float, better: str, worse: str) -> str:
    """A change for a person: `3.1 x smaller`, `1.2 x larger`, or `the same`."""
    if f"{ratio:.1f}" == "1.0":
        return "the same"
    return f"{ratio:.1f} x {better}" if ratio > 1 else f"{1 / ratio:.1f} x {worse}"


def duration(seconds: float) -> str:
    """Seconds for a person: `7 us`, `40 ms`, `3.2 s`, `4 min 05 s`, `6 h`, `2 h 03 min`, `3 d 4 h`."""
    if 0 < seconds < 0.000_995:
        return f"{max(1e6 * seconds, 1):.0f} us"
    if 0 < seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    if hours < 48:
        return f"{hours} h {rest:02d} min" if rest else f"{hours} h"
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"
