"""The methods by name: the one place that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from lepton_lab.explain import _grad_cam, _integrated_gradients, _permutation, _shap_gradient, _shap_kernel
from lepton_lab.explain._base import Method

METHODS: Mapping[str, Method] = {
    "integrated_gradients": _integrated_gradients,
    "grad_cam": _grad_cam,
    "permutation": _permutation,
    "shap_gradient": _shap_gradient,
    "shap_kernel": _shap_kernel,
}
