"""What a camera and its codec do to a picture, on one crop, in the order in which it happens.

0. The camera meters and sets its exposure; what it amplifies it amplifies with its noise.
1. The frame has only so many pixels for this person: the crop is shrunk to them, and all that follows
   happens at that size. Where the frame has more pixels than the crop, the crop's own size is kept.
2. The lens: defocus. 3. The shutter: motion blur along a line.
4. The sensor and its tone curve: exposure and white balance in linear light, then gamma, contrast, black level.
   Saturation. 5. Noise: shot noise and read noise of linear light, carried through the curve; fine, grey or clotted.
6. Sharpening, as telephones and webcams do it. 7. Compression: JPEG's blocks and colour subsampling; sometimes the
   blocks are smoothed over afterwards, which is what a video codec's loop filter leaves.
8. The product cuts the crop out of the frame: enlarged bilinearly.

Blocks and noise stand upright in the crop, not in the frame; the two differ by the region's angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.kinematics import Array
from training.synthetic.metering import Metering

GRAIN_SIZE_PX, GRAINS = 384, 3
"""Side of the table of noise, and how many kinds it holds."""
_SMALLEST_PX = 16


@dataclass(frozen=True, slots=True)
class FlawRange:
    """How often each flaw occurs (a share) and how strong it is, evenly between two numbers unless said otherwise."""

    metered: float = 0.95
    """Share of cameras that expose by themselves; the others show the light as it is."""
    metered_middle: float = 0.4
    """Share of those that look for people and meter the person's place."""
    crop_level: tuple[float, float] = (138.0, 14.0)
    """Mean sRGB level that metering of the whole crop aims at, and its spread, cut off at twice that. Crops of three
    real videos have medians of 131, 133 and 164 and lie between 98 and 165 (5 and 95 %); the tone curves drawn beside
    it and the limits of exposure darken by some ten levels."""
    middle_level: tuple[float, float] = (118.0, 16.0)
    """The same for the person's place: medians 85 (people in dark clothes), 116 and 144, between 70 and 148."""
    metered_stops: tuple[float, float] = (-1.5, 2.0)
    """Limits of that exposure, so that a night stays dark."""
    clean: float = 0.15
    """Share of pictures with no flaw but the frame's resolution."""
    defocus: float = 0.3
    defocus_share: tuple[float, float] = (0.0015, 0.006)
    """Spread of the Gaussian over the crop's side."""
    motion: float = 0.15
    motion_share: tuple[float, float] = (0.008, 0.03)
    """Length over the crop's side."""
    light: float = 0.85
    """Exposure, white balance and tone curve together."""
    exposure_stops: float = 0.35
    """Spread of what the exposure is wrong by, cut off at three times that."""
    balance: float = 0.07
    """Spread of the gains of red and blue."""
    gamma: tuple[float, float] = (0.85, 1.2)
    contrast: tuple[float, float] = (0.8, 1.2)
    lift: tuple[float, float] = (-0.04, 0.08)
    """Added to black; haze and glare are positive."""
    saturation: tuple[float, float] = (0.5, 1.35)
    grey: float = 0.02
    """Share of pictures without colour."""
    noise: float = 0.75
    shot: tuple[float, float] = (2e-5, 6e-4)
    """Variance of linear light over its value, evenly in the logarithm; read noise is drawn beside it."""
    sharpened: float = 0.3
    sharpening: tuple[float, float] = (0.2, 1.0)
    compressed: float = 0.85
    quality: tuple[int, int] = (35, 95)
    """JPEG's; square roots of even numbers, so that good ones are commoner."""
    smeared: float = 0.4
    """Share of the compressed ones."""
    shrunk: float = 0.08
    """Share of videos that were enlarged from a smaller frame."""
    shrunk_to: tuple[float, float] = (0.4, 0.9)

    def __post_init__(self) -> None:
        for name in (
            "metered",
            "metered_middle",
            "clean",
            "defocus",
            "motion",
            "light",
            "grey",
            "noise",
            "sharpened",
            "compressed",
            "smeared",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share within 0..1, got {getattr(self, name)}")
        if not 1 <= self.quality[0] <= self.quality[1] <= 100:
            raise ValueError(f"quality is a range within 1..100, got {self.quality}")
        if not self.metered_stops[0] <= self.metered_stops[1]:
            raise ValueError(f"metered_stops is a range in order, got {self.metered_stops}")
        if not 0 < self.shot[0] <= self.shot[1] or not 0 < self.shrunk_to[0] <= self.shrunk_to[1] <= 1:
            raise ValueError(f"shot and shrunk_to are positive ranges in order, got {self.shot}, {self.shrunk_to}")


NO_FLAWS = FlawRange(metered=0.0, clean=1.0, shrunk=0.0)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What happens to one picture; the defaults change nothing."""

    size_px: int
    """Side of the picture as the frame has it."""
    metering: Metering | None = None
    defocus_px: float = 0.0
    motion_px: float = 0.0
    motion_rad: float = 0.0
    gains_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What the exposure is wrong by, and white balance, on linear light."""
    gamma: float = 1.0
    contrast: float = 1.0
    lift: float = 0.0
    saturation: float = 1.0
    shot: float = 0.0
    read: float = 0.0
    """Variance of linear light in the dark."""
    grain: tuple[int, int, int] = (0, 0, 0)
    """Which kind of noise, and from where in its table."""
    sharpening: float = 0.0
    quality: int | None = None
    smeared: bool = False


def side_px(frame_from_crop: Array, crop_size_px: int) -> float:
    """Side of the crop's region, in the frame's pixels."""
    (xx, xy, _), (yx, yy, _) = frame_from_crop.tolist()
    return float(crop_size_px * math.sqrt(abs(xx * yy - xy * yx)))


def draw_flaws(
    rng: np.random.Generator, frame_from_crop: Array, *, crop_size_px: int = 256, plan: FlawRange | None = None
) -> Flaws:
    """The flaws of one picture whose crop comes from its frame by this map."""
    plan = plan or FlawRange()
    in_frame = side_px(frame_from_crop, crop_size_px)
    if rng.random() < plan.shrunk:
        in_frame *= rng.uniform(*plan.shrunk_to)
    size = min(max(round(in_frame), _SMALLEST_PX), crop_size_px)
    metering = _metering(rng, plan) if rng.random() < plan.metered else None
    if rng.random() < plan.clean:
        return Flaws(size, metering)
    happens = {
        name: chance < getattr(plan, name) for name, chance in zip(_HAPPENING, rng.random(7).tolist(), strict=True)
    }
    gains, tone = _light(rng, plan) if happens["light"] else ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0, 1.0))
    least, most = plan.shot
    shot = math.exp(rng.uniform(math.log(least), math.log(most))) if happens["noise"] else 0.0
    top, left = rng.integers(0, GRAIN_SIZE_PX - crop_size_px, 2).tolist()
    low, high = plan.quality
    # A crop that leaves out pixels of its frame also shows smaller blocks than its own compression would make.
    quality = 100 - (100 - (low + (high - low) * math.sqrt(rng.random()))) * min(1.0, crop_size_px / in_frame)
    return Flaws(
        size_px=size,
        metering=metering,
        defocus_px=float(rng.uniform(*plan.defocus_share)) * size if happens["defocus"] else 0.0,
        motion_px=float(rng.uniform(*plan.motion_share)) * size if happens["motion"] else 0.0,
        motion_rad=float(rng.uniform(0.0, math.pi)),
        gains_rgb=gains,
        gamma=tone[0],
        contrast=tone[1],
        lift=tone[2],
        saturation=0.0 if happens["grey"] else tone[3],
        shot=shot,
        read=shot * float(rng.uniform(0.002, 0.02)),
        grain=(int(rng.integers(GRAINS)), top, left),
        sharpening=float(rng.uniform(*plan.sharpening)) if happens["sharpened"] else 0.0,
        quality=round(quality) if happens["compressed"] else None,
        smeared=bool(rng.random() < plan.smeared),
    )


_HAPPENING = ("defocus", "motion", "light", "grey", "noise", "sharpened", "compressed")


def _metering(rng: np.random.Generator, plan: FlawRange) -> Metering:
    middle = bool(rng.random() < plan.metered_middle)
    level, spread = plan.middle_level if middle else plan.crop_level
    return Metering(level + spread * min(max(rng.normal(), -2.0), 2.0), middle, plan.metered_stops)


def _light(
    rng: np.random.Generator, plan: FlawRange
) -> tuple[tuple[float, float, float], tuple[float, float, float, float]]:
    """Gains of red, green and blue; and gamma, contrast, lift and saturation."""
    exposure = 2.0 ** (min(max(rng.normal(), -3.0), 3.0) * plan.exposure_stops)
    red, blue = (min(max(z, -3.0), 3.0) * plan.balance for z in rng.normal(size=2).tolist())
    gamma, contrast, lift, saturation = (
        float(rng.uniform(*span)) for span in (plan.gamma, plan.contrast, plan.lift, plan.saturation)
    )
    return (exposure * math.exp(red), exposure, exposure * math.exp(blue)), (gamma, contrast, lift, saturation)
