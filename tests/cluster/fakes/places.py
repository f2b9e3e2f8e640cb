"""Makers' libraries where the hardware is missing, each in a folder of its own that can be put on `sys.path`."""

from __future__ import annotations

from pathlib import Path

NVIDIA = Path(__file__).parent / "nvidia"
AMD = Path(__file__).parent / "amd"
PLUG_IN = Path(__file__).parent / "plug_in"
RAPIDS = Path(__file__).parent / "rapids"


def install_plug_in(site: Path, **entry_points: str) -> Path:
    """Lay a distribution into a folder as pip would: `lepton_lab.devices` entry points of the module `fake_fpga`."""
    info = site / "fake_fpga-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-fpga\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[lepton_lab.devices]", *lines, ""]))
    (site / "fake_fpga.py").write_text((PLUG_IN / "fake_fpga.py").read_text())
    return site
