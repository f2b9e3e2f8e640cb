"""Import directions: what stands further left never imports what stands further right.

Every import counts: those in functions and those for type checkers too.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lepton_lab"
STAGES = ("data", "cluster", "schedule", "train", "evaluate", "explain", "compress", "export", "serve")
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("charts", "display"),
    ("gantt",),
    ("asking", "events", "files", "types"),
    ("forkserver",),
    ("runtime",),
    STAGES,
    ("lab",),
    ("commands",),
    ("panels",),
    ("widgets",),
    ("magics",),
    ("demo",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(module: str) -> str | None:
    """`lepton_lab.data._idx` -> `data`; None for other packages' modules."""
    names = module.split(".")
    return names[1] if names[0] == "lepton_lab" and len(names) > 1 else None


def imported_parts(path: Path) -> set[str]:
    """The parts of Lepton Lab that a file imports anywhere."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            parts |= {part_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            if node.module == "lepton_lab":
                parts |= {alias.name for alias in node.names if alias.name in RANK}
            elif node.module:
                parts.add(part_of(node.module))
    return {part for part in parts if part}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_left(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in RANK, f"{own} has no place among the layers of ARCHITECTURE.md"
    for part in imported_parts(path):
        if part != own:
            assert RANK[part] < RANK[own], (
                f"{path.relative_to(PACKAGE)} imports {part}, which stands beside or to the right of {own}"
            )


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "_x.py"
    file.write_text("def f():\n    from lepton_lab.magics import current_lab\n    from lepton_lab import lab\n")
    assert imported_parts(file) == {"magics", "lab"}
