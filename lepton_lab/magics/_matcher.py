"""How IPython asks for completion of `%lepton` lines.

IPython asks every matcher it knows. Ours answers for a line that begins with the magic and suppresses the others, whose
words would only mix in.
"""

from __future__ import annotations

from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from lepton_lab.magics._console import Console


def make_matcher(console: Console) -> Any:
    """What to append to `ip.Completer.custom_matchers`."""

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython is untyped
    def lepton_matcher(context: CompletionContext) -> dict[str, Any]:
        text, before = context.full_text, context.full_text.split("\n")[: context.cursor_line]
        found = console.complete(text, sum(len(line) + 1 for line in before) + context.cursor_position)
        if found is None:
            return {"completions": []}
        words, start, end = found
        return {
            "completions": [SimpleCompletion(text=word, type="lepton") for word in words],
            "matched_fragment": text[start:end],
            "suppress": True,
            "ordered": True,
        }

    return lepton_matcher
