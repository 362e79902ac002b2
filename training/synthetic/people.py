"""Posed persons without end: a body, an outfit, colours and a pose for every index.

Person i depends on the cast, the seed, the owner and i alone, in any order and any process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.bodies import mean_offsets_mm, posed_mm
from training.cmu import F32
from training.joint_limits import plausible
from training.kinematics import Array
from training.pose_stream import Augmentation, TurnSampler
from training.synthetic.actor import Actor
from training.synthetic.cast import Cast
from training.synthetic.colours import draw_cloth_rgb, draw_skin_rgb
from training.synthetic.low_poses import PICTURED_RARE
from training.synthetic.posing import rig_turns
from training.synthetic.scene import THE_PERSON, Look, Placed
from training.synthetic.shape import draw_shape
from training.synthetic.skinning import Body

PICTURED = Augmentation(mix=0.6, mix_part=0.35, rare=0.4, jitter_deg=8.0)
"""More rare poses than the tokenizers see, and less jitter: in a picture legs must not run through each other."""
BLOCK = 128
_OTHERS, _SHARED = 1, 4
"""People who are not labelled take their poses, in any order, from one block for so many blocks of labelled ones: there
are fewer of them, and it does not matter that two of them in different pictures hold the same pose."""
_IN_AIR, _HIGHEST_MM = 0.08, 350.0
_BALD = 0.15
"""Share of persons with a wig who go without."""
_SALT = 0x9E0


@dataclass(frozen=True, slots=True, eq=False)
class PosedPerson:
    """A person in the world, its pelvis over the origin."""

    placed: Placed
    joints_mm: Array
    """(17, 3) Human3.6M's joints in the world."""
    rig_mm: Array
    """(52, 3) joints of the rig, in the order of RIG_JOINTS."""
    actor: Actor


class People:
    """Draws persons from a cast. Not for several threads at once.

    Poses are made for `BLOCK` neighbouring indices at a time: workers should take runs of that many.
    """

    def __init__(self, cast: Cast, seed: int, *, augmentation: Augmentation = PICTURED) -> None:
        self.cast, self.seed = cast, seed
        self._sampler = TurnSampler(cast.motion, augmentation, rare_kinds=PICTURED_RARE)
        self._kept: dict[int, tuple[int, Array]] = {}

    def person(self, index: int, *, owner: int = THE_PERSON) -> PosedPerson:
        """Person `index`; the labelled one and the others of a picture (`owner` 1, 2, ...) are drawn independently."""
        rng = np.random.default_rng([self.seed, _SALT, owner, index])
        outfits = self.cast.outfits[self.cast.persons[rng.integers(len(self.cast.persons))]]
        actor = self.cast.pack.actor(outfits[rng.integers(len(outfits))])
        shape = draw_shape(rng, actor)
        look = actor.look
        if actor.bald_look is not None and rng.random() < _BALD:
            look = actor.bald_look
        lift_mm = float(rng.uniform(0.0, _HIGHEST_MM)) if rng.random() < _IN_AIR else 0.0
        colours = draw_skin_rgb(rng, actor), draw_cloth_rgb(rng)
        if owner == THE_PERSON:
            turns = self._turns(THE_PERSON, *divmod(index, BLOCK))
        else:
            turns = self._turns(_OTHERS, index // (_SHARED * BLOCK), int(rng.integers(BLOCK)))
        return posed(Body(actor, shape), turns, look=look, owner=owner, lift_mm=lift_mm, colours=colours)

    def _turns(self, stream: int, block: int, row: int) -> Array:
        """(52, 3, 3) of one person. Poses are drawn in blocks: numpy's cost per call is shared by all of them."""
        if stream not in self._kept or self._kept[stream][0] != block:
            rng = np.random.default_rng([self.seed, _SALT, stream, block, 1])
            self._kept[stream] = (block, rig_turns(drawn_bones(self._sampler, rng, BLOCK), rng))
        turns: Array = self._kept[stream][1][row]
        return turns


def drawn_bones(sampler: TurnSampler, rng: np.random.Generator, count: int) -> F32:
    """(count, 17, 3, 3) turns of bones; where no body can take a changed pose, the one that was recorded."""
    changed, recorded = sampler.draw(rng, count)
    refused = ~plausible(posed_mm(changed, mean_offsets_mm(count)))
    changed[refused] = recorded[refused]
    return changed


def posed(
    body: Body,
    turns: Array,
    *,
    look: Look | None = None,
    owner: int = THE_PERSON,
    lift_mm: float = 0.0,
    colours: tuple[Array, Array] | None = None,
) -> PosedPerson:
    """A body under (52, 3, 3) global turns, its lowest point `lift_mm` over the ground, its pelvis over the origin.

    `look` is one of the actor's two; `colours` are those of skin and cloth, as they are where left out.
    """
    look = look or body.actor.look
    rig_mm = body.placed_mm(turns)
    vertices_mm, normals = body.skinned(turns, rig_mm)
    shown = len(look.uv)
    joints_mm = body.joints_mm(turns, rig_mm)
    shift = np.array([-joints_mm[0, 0], lift_mm - float(vertices_mm[:shown, 1].min()), -joints_mm[0, 2]])
    skin_rgb, cloth_rgb = colours or (np.eye(3), np.eye(3))
    placed = Placed(look, vertices_mm[:shown] + shift.astype(np.float32), normals[:shown], owner, skin_rgb, cloth_rgb)
    return PosedPerson(placed, joints_mm + shift, rig_mm + shift, body.actor)
