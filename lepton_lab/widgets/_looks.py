"""How forms look, and what stands beside a field."""

from __future__ import annotations

import html

LOOKS = """<style>
@keyframes lepton-here {from {outline-color: transparent} to {outline-color: currentcolor}}
.lepton-form {max-width: 960px}
.lepton-form .widget-inline-hbox > .widget-label {text-align: left}
.lepton-form .lepton-field {align-items: flex-start}
.lepton-form .lepton-note {animation: lepton-here 1ms; line-height: 1.35; padding: 5px 0 3px 8px; min-height: 18px}
.lepton-form .lepton-line-box {display: flex; align-items: flex-start; gap: 4px; margin: 4px 0 2px; line-height: 1.4}
.lepton-form pre.lepton-line {
  user-select: all; margin: 0; padding: 4px 10px; min-width: 240px; min-height: 1.4em; line-height: 1.4;
  white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 3px;
  background: var(--jp-layout-color2, #8882); color: var(--jp-ui-font-color1, inherit)
}
.lepton-form button.lepton-copy {width: 76px; margin: 0; flex: none}
.lepton-form .lepton-table, .lepton-form .lepton-bar, .lepton-form details {line-height: 1.4}
.lepton-form .lepton-table {margin-top: 6px}
.lepton-form .lepton-table td, .lepton-form .lepton-table th {padding: 1px 14px 1px 0}
.lepton-form .lepton-logs {
  display: flex; flex-direction: column-reverse; max-height: 240px; overflow: auto; padding: 4px 10px;
  border-radius: 3px;
  background: var(--jp-layout-color2, #8882); color: var(--jp-ui-font-color1, inherit)
}
.lepton-form .lepton-logs pre {margin: 0; line-height: 1.35; font-size: 12px; white-space: pre-wrap}
</style>"""
"""Styles of all forms; to be put into each."""

ERROR_COLOR = "var(--jp-error-color1, #c62828)"
QUIET_COLOR = "var(--jp-ui-font-color2, inherit)"

# ipywidgets has no attributes for screen readers. Whatever is written anew beside a field starts the animation, and so
# ties itself to the field's control; where a page forbids scripts in its HTML, only this is missing.
_TIE = """
const row = this.closest('.lepton-field'), told = this.dataset;
for (const control of row ? row.querySelectorAll('input, select, textarea, [role=slider]') : []) {
  control.setAttribute('aria-describedby', this.id);
  control.setAttribute('aria-invalid', told.wrong);
  if (control.getAttribute('role') === 'slider') {
    control.setAttribute('aria-label', row.querySelector('label').textContent);
  } else if (control.type !== 'checkbox') {
    control.setAttribute('aria-required', told.required);
  }
}"""


def note(id: str, wrong: str, meaning: str, *, is_required: bool) -> str:
    """HTML of what stands beside a field: what it means, or what is wrong with it.

    Parameters
    ----------
    id
        Of the element, unique on the page.
    wrong, meaning
        What it says, plain; each may be empty.
    is_required
        Whether the field has to be filled in; told to screen readers with the text.
    """
    role = " role='status'" if wrong else ""
    told = f"<span style='color:{ERROR_COLOR}'>{html.escape(wrong)}{': ' * bool(meaning)}</span>" if wrong else ""
    return (
        f"<div class='lepton-note' id='{id}'{role} style='color:{QUIET_COLOR}' data-wrong='{_word(bool(wrong))}' "
        f"data-required='{_word(is_required)}' onanimationstart=\"{html.escape(_TIE)}\">"
        f"{told}{html.escape(meaning)}</div>"
    )


def _word(value: bool) -> str:
    return "true" if value else "false"
