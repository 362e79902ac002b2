"""The whole line and MediaPipe's own Pose (full) on rendered people who move from one pose of balance to the next.

    python tests/benchmarks/rendered_balance.py DATA --mediapipe-python ENV/bin/python [--people 24] [--seed 77]

Test persons in test places (docs/data.md), alone and nearly always wholly in the picture, 720 x 720, 30 frames/s, five
seconds each: on one leg, in lunges, scales, deep bends, with arms overhead. A pose is held for 0.6 s and changes in
1.2 s. Unlike crops, videos show whether people are found and kept; unlike recordings, the truth is known in every
frame. `--keep DIR` keeps the videos. Hips are moved down to where pictures have them (docs/experiments.md, section
'Hips').
"""

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from marked_player import HIPS_DOWN
from multiview_mediapipe import mediapipe_people, patch_numbers
from scipy.spatial.transform import Rotation, Slerp

from engine.body.camera import Camera
from engine.body.skeleton import H36M17
from tools.line_options import settings
from tools.multiview import Asked, candidates, people_in
from training.calibrated_views import View
from training.data_directory import DataDirectory
from training.kinematics import axis_rotation
from training.multiview import TRIANGULATED, References
from training.multiview_patch import choose_patch
from training.multiview_score import Scored, figures, score
from training.panorama import panorama_of
from training.pose_stream import Augmentation, TurnSampler
from training.rare import RARE
from training.synthetic.balance_poses import BALANCE
from training.synthetic.cast import Cast
from training.synthetic.light import turned
from training.synthetic.looking import looking
from training.synthetic.pack_build import pack_for
from training.synthetic.people import drawn_bones, posed
from training.synthetic.posing import rig_turns
from training.synthetic.raster import Raster
from training.synthetic.scene import Viewpoint
from training.synthetic.shape import draw_shape
from training.synthetic.skinning import Body

SIDE_PX, FRAMES, RATE_HZ = 720, 150, 30.0
HELD, MOVING = 18, 36
"""Frames of a pose, and from one to the next."""
KINDS = BALANCE | {name: RARE[name] for name in ("one_leg", "side_lean", "deep_bend", "overhead")}
POSES = Augmentation(mix=0.3, mix_part=0.35, rare=0.9, jitter_deg=5.0)
NOISE = 2.0
"""Spread of the sensor's noise, of 255."""
ROWS = H36M17.rows(*TRIANGULATED)


@dataclass(frozen=True)
class Video:
    view: View
    known: References


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--mediapipe-python", type=Path)
    parser.add_argument("--estimators", nargs="+", default=["di2pose", "blazepose"])
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = options.keep or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        videos = list(rendered(DataDirectory.find(options.data), where, people=options.people, seed=options.seed))
        print("| estimator | patch | coverage % | MPJPE mm | PA-MPJPE mm | PCK@150 % |")
        print("|---" * 6 + "|")
        for covered in (False, True):
            for name in options.estimators:
                show(name, covered, [scored(video, row, name, covered=covered) for row, video in enumerate(videos)])
            if options.mediapipe_python:
                python = options.mediapipe_python
                theirs = [scored_theirs(video, row, python, covered=covered) for row, video in enumerate(videos)]
                show("MediaPipe", covered, theirs)


def rendered(data: DataDirectory, folder: Path, *, people: int, seed: int) -> Iterator[Video]:
    cast = Cast.of(pack_for(data), "test")
    poses = TurnSampler(cast.motion, POSES, rare_kinds=KINDS)
    with Raster(size_px=SIDE_PX) as raster:
        for row in range(people):
            rng = np.random.default_rng([seed, row])
            outfits = cast.outfits[cast.persons[row % len(cast.persons)]]
            actor = cast.pack.actor(outfits[rng.integers(len(outfits))])
            body, motion, view = Body(actor, draw_shape(rng, actor)), moving(rng, poses), viewpoint(rng)
            background = cast.pack.background_rgb(str(rng.choice(cast.backgrounds)))
            around = turned(panorama_of(background, sun_strength=1.0, lamp_gain=8.0), rng.uniform(-np.pi, np.pi))
            exposure, sun_strength = math.exp(rng.uniform(math.log(0.75), math.log(1.45))), rng.uniform(0.0, 2.0)
            path, joints_mm = folder / f"{row:03d}.avi", []
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), RATE_HZ, (SIDE_PX, SIDE_PX))
            assert writer.isOpened(), "this OpenCV writes no FFV1"
            for bones in motion:
                turns = rig_turns(bones[None], np.random.default_rng([seed, row]))[0]
                person = posed(body, turns)
                drawn = raster.draw(view, [person.placed], around, exposure=exposure, sun_strength=sun_strength)
                noisy = np.clip(drawn.image_rgb + rng.normal(0, NOISE, drawn.image_rgb.shape), 0, 255)
                writer.write(np.ascontiguousarray(noisy[..., ::-1]).astype(np.uint8))
                joints_mm.append(person.joints_mm)
            writer.release()
            yield Video(seen_by(view, path), truth(np.array(joints_mm)))


def moving(rng: np.random.Generator, poses: TurnSampler) -> Iterator[np.ndarray]:
    """(17, 3, 3) turns of bones per frame; the body turns about the vertical by some degrees only."""
    stops = 2 + FRAMES // (HELD + MOVING)
    keys = drawn_bones(poses, rng, stops).astype(np.float64)
    for row, pelvis in enumerate(keys[:, 0]):
        x, _, z = pelvis @ [0.0, 0.0, 1.0]
        keys[row] = axis_rotation("Y", rng.normal(0, 0.4) - math.atan2(x, z)) @ keys[row]
    ways = [Slerp(np.arange(stops), Rotation.from_matrix(keys[:, bone])) for bone in range(keys.shape[1])]
    for frame in range(FRAMES):
        stop, since = divmod(frame, HELD + MOVING)
        done = max(0.0, (since - HELD) / MOVING)
        yield np.stack([way(stop + done * done * (3 - 2 * done)).as_matrix() for way in ways]).astype(np.float32)


def viewpoint(rng: np.random.Generator) -> Viewpoint:
    """A camera at the height of hips or heads that has all of a person in its frame."""
    half_tan = math.tan(math.radians(rng.uniform(45, 75)) / 2)
    focal_px, middle_px = SIDE_PX / 2 / half_tan, (SIDE_PX - 1) / 2
    camera = Camera((focal_px, focal_px), (middle_px, middle_px), (SIDE_PX, SIDE_PX), "drawn")
    yaw, distance_mm = rng.uniform(-math.pi, math.pi), 1250 / half_tan * rng.uniform(0.95, 1.6)
    eye_mm = np.array([distance_mm * math.sin(yaw), rng.uniform(600, 1900), distance_mm * math.cos(yaw)])
    x, y, z = (np.array([0.0, 950.0, 0.0]) - eye_mm).tolist()
    rotation = looking((x, y, z), (0.0, 0.0, 1.0), roll_rad=rng.normal(0, 0.03))
    assert rotation is not None
    return Viewpoint(camera, rotation, eye_mm, np.eye(2, 3), SIDE_PX)


def seen_by(view: Viewpoint, video: Path) -> View:
    return View(video.stem, view.camera, view.rotation, -view.rotation @ view.eye_mm, video)


def truth(joints_mm: np.ndarray) -> References:
    trunk_mm = joints_mm[:, [H36M17.row("pelvis")]] - joints_mm[:, [H36M17.row("thorax")]]
    joints_mm[:, H36M17.rows("left_hip", "right_hip")] += HIPS_DOWN * trunk_mm
    world_mm = joints_mm[None][:, :, ROWS]
    return References(world_mm, np.ones(world_mm.shape[:3], bool), np.empty(0))


def patches_over(video: Video, row: int, *, covered: bool) -> list | None:
    """Over one joint of every frame, drawn anew in each."""
    if not covered:
        return None
    points_px = video.view.camera.project(video.view.seen(video.known.world_mm[0]))
    return [choose_patch(one, one, rng=np.random.default_rng([0, row, frame])) for frame, one in enumerate(points_px)]


def scored(video: Video, row: int, name: str, *, covered: bool) -> list[Scored]:
    patches = patches_over(video, row, covered=covered)
    config = settings(None, smooth=True)
    people = people_in(video.view, np.arange(FRAMES), Asked(), estimator=name, config=config, patches=patches)
    return score([video.view], video.known, candidates([people]))


def scored_theirs(video: Video, row: int, python: Path, *, covered: bool) -> list[Scored]:
    patches = patches_over(video, row, covered=covered)
    numbers = None if patches is None else [[patch_numbers(patch) for patch in patches]]
    return score([video.view], video.known, mediapipe_people([video.view], [np.arange(FRAMES)], python, numbers))


def show(name: str, covered: bool, of_videos: list[list[Scored]]) -> None:
    found = figures([result for results in of_videos for result in results])
    numbers = f"{found.mpjpe_mm:.1f} | {found.pa_mpjpe_mm:.1f} | {100 * found.pck150:.1f}"
    print(f"| {name} | {'yes' if covered else 'no'} | {100 * found.coverage:.1f} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
