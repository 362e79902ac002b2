"""Human3.6M's four cameras: the data set's own calibration, as constants.

Source: the calibration that the data set's authors give out with it (C. Ionescu et al., "Human3.6M", TPAMI 2014), as
reprinted in D. Pavllo et al., "3D human pose estimation in video", CVPR 2019. One set of lenses serves all subjects;
the places were measured anew for each. The distortion's tangential part follows the data set's own model, which lacks
OpenCV's factor of two; the difference stays under 0.5 pixels inside the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.body.camera import Camera
from training.data_error import DataError
from training.kinematics import rotation_of_quaternion


@dataclass(frozen=True, slots=True)
class Lens:
    size_wh: tuple[int, int]
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    world_from_camera_wxyz: tuple[float, float, float, float]
    position_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class StudioCamera:
    """One camera of the studio as it stood for one subject."""

    id: str
    camera: Camera
    camera_from_world: NDArray[np.float64]
    """(3, 3) rotation."""
    position_mm: NDArray[np.float64]
    """(3,) in the world."""

    def seen(self, world_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """(..., 3) world -> (..., 3) camera axes, millimetres."""
        seen: NDArray[np.float64] = (world_mm - self.position_mm) @ self.camera_from_world.T
        return seen


def studio_camera(subject: str, camera_id: str) -> StudioCamera:
    """The camera with this serial number as it stood for 'S1', 'S5', ...; DataError names those that exist."""
    if subject not in PLACES or camera_id not in LENSES:
        raise DataError.of(
            "Human3.6M",
            "camera",
            f"no calibration for subject {subject!r} and camera {camera_id!r}",
            cure=f"subjects are {', '.join(PLACES)}, cameras {', '.join(LENSES)}",
        )
    lens, place = LENSES[camera_id], PLACES[subject][camera_id]
    w, x, y, z = place.world_from_camera_wxyz
    camera = Camera(lens.focal_px, lens.centre_px, lens.size_wh, f"Human3.6M camera {camera_id}", lens.distortion)
    return StudioCamera(camera_id, camera, rotation_of_quaternion((x, y, z, w)).T, np.array(place.position_mm))


LENSES: dict[str, Lens] = {
    "54138969": Lens(
        (1000, 1002),
        (1145.0494, 1143.7811),
        (512.5415, 515.4515),
        (-0.20709892, 0.24777518, -0.00097570, -0.00142447, -0.00307515),
    ),
    "55011271": Lens(
        (1000, 1000),
        (1149.6757, 1147.5917),
        (508.8486, 508.0649),
        (-0.19421363, 0.24040854, -0.00161903, -0.00274089, 0.00681998),
    ),
    "58860488": Lens(
        (1000, 1000),
        (1149.1407, 1148.7990),
        (519.8159, 501.4026),
        (-0.20833819, 0.25548801, 0.00148439, -0.00076000, -0.00246050),
    ),
    "60457274": Lens(
        (1000, 1002),
        (1145.5114, 1144.7739),
        (514.9682, 501.8820),
        (-0.19838409, 0.21832368, -0.00058721, -0.00181336, -0.00894781),
    ),
}
"""Serial number -> size, focal length, centre in pixels, distortion (k1, k2, p1, p2, k3)."""

PLACES: dict[str, dict[str, Place]] = {
    "S1": {
        "54138969": Place((0.14070565, -0.15007018, -0.75524080, 0.62232804), (1841.107, 4955.285, 1563.445)),
        "55011271": Place((0.61571878, -0.76483631, -0.14833826, 0.11794741), (1761.279, -5078.007, 1606.265)),
        "58860488": Place((0.14651473, -0.14647852, 0.76530236, -0.60941756), (-1846.778, 5215.046, 1491.972)),
        "60457274": Place((0.58340085, -0.78531623, 0.14548823, -0.14749594), (-1794.790, -3722.699, 1574.893)),
    },
    "S5": {
        "54138969": Place((0.14673772, -0.16237096, -0.75518930, 0.61789387), (2097.392, 4880.945, 1605.732)),
        "55011271": Place((0.61597586, -0.76267922, -0.15728192, 0.11898150), (2031.701, -5167.933, 1612.923)),
        "58860488": Place((0.14291371, -0.12907842, 0.76783848, -0.61101431), (-1620.595, 5171.659, 1496.437)),
        "60457274": Place((0.59204799, -0.78142178, 0.12747486, -0.15036418), (-1637.174, -3867.317, 1547.033)),
    },
    "S6": {
        "54138969": Place((0.13378978, -0.15692396, -0.75710905, 0.61988795), (1935.452, 4950.246, 1618.084)),
        "55011271": Place((0.61471975, -0.76288128, -0.16174768, 0.11819245), (1969.804, -5128.739, 1632.779)),
        "58860488": Place((0.15299481, -0.13529131, 0.76460963, -0.61127812), (-1769.596, 5185.361, 1476.993)),
        "60457274": Place((0.59161013, -0.78047740, 0.12832271, -0.15615939), (-1721.669, -3884.131, 1540.488)),
    },
    "S7": {
        "54138969": Place((0.14352418, -0.16313368, -0.75483286, 0.61888248), (1974.513, 4926.354, 1597.833)),
        "55011271": Place((0.61416727, -0.76382625, -0.15966456, 0.11779299), (1937.058, -5119.790, 1631.567)),
        "58860488": Place((0.14550060, -0.12874816, 0.76605165, -0.61271393), (-1741.811, 5208.250, 1464.825)),
        "60457274": Place((0.59128481, -0.78217643, 0.12445474, -0.15196487), (-1734.711, -3832.421, 1548.583)),
    },
    "S8": {
        "54138969": Place((0.14110588, -0.15589868, -0.75619173, 0.61964405), (2150.652, 4896.161, 1611.905)),
        "55011271": Place((0.61696017, -0.76476681, -0.14846350, 0.11158158), (2219.966, -5148.453, 1613.044)),
        "58860488": Place((0.14714441, -0.13377120, 0.76701283, -0.61003697), (-1571.222, 5137.019, 1498.176)),
        "60457274": Place((0.59278244, -0.78258705, 0.12147816, -0.14631996), (-1476.913, -3896.741, 1547.972)),
    },
    "S9": {
        "54138969": Place((0.15540588, -0.15548216, -0.75320953, 0.61995947), (2044.458, 4935.117, 1481.228)),
        "55011271": Place((0.61878449, -0.76347351, -0.14132239, 0.11933968), (1990.960, -5123.811, 1568.805)),
        "58860488": Place((0.13357827, -0.13671005, 0.76894546, -0.61007386), (-1670.992, 5211.986, 1528.388)),
        "60457274": Place((0.58793992, -0.78234071, 0.14276144, -0.14794870), (-1696.043, -3827.100, 1591.413)),
    },
    "S11": {
        "54138969": Place((0.15232472, -0.15442321, -0.75475633, 0.61910701), (2098.440, 4926.555, 1500.279)),
        "55011271": Place((0.61894494, -0.76009172, -0.15300633, 0.12552583), (2083.182, -4912.173, 1561.079)),
        "58860488": Place((0.14943229, -0.15650228, 0.76812339, -0.60263044), (-1609.815, 5177.336, 1537.897)),
        "60457274": Place((0.58942515, -0.78188771, 0.13991211, -0.14715362), (-1590.738, -3854.169, 1578.018)),
    },
}
"""Subject -> camera -> world-from-camera quaternion (w, x, y, z), and the camera's position in the world, mm."""
