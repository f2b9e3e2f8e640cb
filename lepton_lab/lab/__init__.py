"""The session: names -> values, one workspace folder. The only place that knows the order of the stages."""

from lepton_lab.lab._lab import Lab

__all__ = ["Lab"]
