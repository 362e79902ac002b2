"""What `di2pose build` lets choose among, and what it says of it."""

from __future__ import annotations

from enum import StrEnum


class Hardware(StrEnum):
    NONE = "none"
    AMPERE_PLUS = "ampere+"
    SAME = "sameComputeCapability"


class Offered(StrEnum):
    FP32 = "fp32"
    FP16 = "fp16"
    MIXED = "mixed"
    INT8 = "int8"
    FP8 = "fp8"


class LibraryName(StrEnum):
    TENSORRT = "tensorrt"
    RTX = "tensorrt-rtx"


PRECISION_HELP = "mixed: fp16 except where the gate says it hurts; int8, fp8: as mixed, and 8 bits where they do not."
SHAPES_HELP = "NAME:1x33x17, several with commas; default: 1 to 16 persons."
FRAME_HELP = "fused: takes whole frames of this size, such as 1280x720, and cuts people out on the GPU."
