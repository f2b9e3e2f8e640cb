"""How IPython asks for completion of `%lepton` lines.

IPython asks every matcher it knows. Ours answers for a line that begins with the magic and suppresses the others, whose
words would only mix in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from lepton_lab.magics._session import current_lab

_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?%lepton\s")
_CELL = re.compile(r"%%lepton\s")


def make_matcher(namespace: Mapping[str, object]) -> Any:
    """What to append to `ip.Completer.custom_matchers`; `namespace` holds the notebook's variables."""

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython is untyped
    def lepton_matcher(context: CompletionContext) -> dict[str, Any]:
        text = context.text_until_cursor
        begin = _LINE.match(text) or (_CELL.match(text) if context.cursor_line == 0 else None)
        if begin is None:
            return {"completions": []}
        # Verbs are read on first use, so that loading the extension stays quick.
        from lepton_lab.magics._complete import complete
        from lepton_lab.magics._ui import ALL_VERBS

        fragment, words = complete(text[begin.end() :], _names, namespace, ALL_VERBS)
        return {
            "completions": [SimpleCompletion(text=word, type="lepton") for word in words],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    return lepton_matcher


def _names(kind: str) -> Sequence[str]:
    return current_lab().names(kind)
