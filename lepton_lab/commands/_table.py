"""All verbs of the lab, noun by noun."""

from lepton_lab.commands import _cluster, _compress, _data, _evaluate, _explain, _export, _model, _plan, _status, _train
from lepton_lab.commands._spec import Verb

_NOUNS = (_status, _cluster, _data, _model, _train, _evaluate, _explain, _compress, _export, _plan)
VERBS: tuple[Verb, ...] = tuple(verb for noun in _NOUNS for verb in noun.VERBS)
