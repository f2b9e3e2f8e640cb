import pytest

from lepton_lab.compress import RECIPES, TECHNIQUES, stages
from tests.compress.test_preflight import settings


def test_parents_come_first_and_each_stage_once() -> None:
    found = stages("m", len(RECIPES))
    seen = {"m"}
    for name, (parent, step) in found.items():
        assert parent in seen and name == f"{parent}-{step.tag}"
        seen.add(name)
    assert len(found) < sum(map(len, RECIPES))


@pytest.mark.parametrize(
    "step", {step.tag: step for recipe in RECIPES for step in recipe}.values(), ids=lambda s: s.tag
)
def test_every_step_has_settings_that_its_technique_takes(step) -> None:  # type: ignore[no-untyped-def]
    technique = TECHNIQUES[step.technique]
    assert set(step.settings) <= set(technique.SETTINGS)
    technique.check(settings(step.technique, **step.settings))


def test_only_the_last_stage_of_a_chain_is_a_file() -> None:
    for recipe in RECIPES:
        assert all(step.technique not in ("quantize", "qat") for step in recipe[:-1])
