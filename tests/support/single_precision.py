"""The line's networks on this CPU in single precision, as plans are compared with it."""

from __future__ import annotations

from engine.runtime.networks import OnnxRuntimeNetworks


class SinglePrecision(OnnxRuntimeNetworks):
    """`runs_on_cpu` says that 8 bits would be the quickest; here they are not asked for."""

    runs_on_cpu = False
