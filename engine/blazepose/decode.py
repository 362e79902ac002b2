"""What the detector's numbers mean: faces with the key points of their bodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.anchors import anchor_centres
from engine.blazepose.networks import DETECTOR_SIZE_PX
from engine.body.crop import transformed

F32 = NDArray[np.float32]

HIP_CENTRE, BODY_SCALE, SHOULDER_CENTRE, UPPER_SCALE = range(4)
"""Rows of a detection's key points; the circle around `HIP_CENTRE` through `BODY_SCALE` holds the whole body."""

_INPUT_PX = np.float32(DETECTOR_SIZE_PX)
_LOGIT_LIMIT = 100.0  # score_clipping_thresh of MediaPipe's pose_detection_cpu.pbtxt


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """People found, best score first. The unit is that of the function that made them."""

    scores: F32
    """(n,) 0..1"""
    boxes_xyxy: F32
    """(n, 4) around the face, not the body."""
    points: F32
    """(n, 4, 2) hip centre, full-body scale point, shoulder centre, upper-body scale point."""

    def __post_init__(self) -> None:
        count = len(self.scores)
        shapes = (self.scores.shape, self.boxes_xyxy.shape, self.points.shape)
        if shapes != ((count,), (count, 4), (count, 4, 2)):
            raise ValueError(f"detections need shapes (n,), (n, 4), (n, 4, 2), got {shapes}")

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Detections:
        return Detections(self.scores[rows], self.boxes_xyxy[rows], self.points[rows])


def decoded(boxes: F32, scores: F32, *, min_score: float = 0.5) -> Detections:
    """Detections of one picture from the network's `boxes` (2254, 12) and `scores` (2254, 1) logits.

    Boxes and points are in 0..1 of the square input picture. MediaPipe's TensorsToDetectionsCalculator.
    """
    if boxes.shape != (len(anchor_centres()), 12) or scores.shape != (len(anchor_centres()), 1):
        raise ValueError(f"expected boxes (2254, 12) and scores (2254, 1), got {boxes.shape} and {scores.shape}")
    logits = scores[:, 0]
    threshold = np.log(min_score / (1 - min_score))  # compare logits, so that only what is kept needs the sigmoid
    rows = np.flatnonzero(logits >= threshold)
    rows = rows[np.argsort(-logits[rows], kind="stable")]
    values = (boxes[rows] / _INPUT_PX).reshape(-1, 6, 2)
    anchors = anchor_centres()[rows]
    centres, sizes = values[:, 0] + anchors, values[:, 1]
    return Detections(
        scores=_sigmoid(logits[rows]),
        boxes_xyxy=np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1),
        points=values[:, 2:] + anchors[:, None],
    )


def merged(detections: Detections, max_overlap: float = 0.3) -> Detections:
    """One detection for each person: those that overlap a better one are averaged into it, weighted by score.

    Overlap is intersection over union of the face boxes; MediaPipe's NonMaxSuppressionCalculator, WEIGHTED.
    """
    rest = np.arange(len(detections))
    best: list[Detections] = []
    while len(rest):
        overlaps = overlap(detections.boxes_xyxy[rest[0]], detections.boxes_xyxy[rest])
        same = overlaps > max_overlap
        same[0] = True  # also a box without area
        best.append(_average(detections[rest[same]]))
        rest = rest[~same]
    if not best:
        return detections
    return Detections(
        np.concatenate([each.scores for each in best]),
        np.concatenate([each.boxes_xyxy for each in best]),
        np.concatenate([each.points for each in best]),
    )


def in_frame(detections: Detections, frame_from_crop: NDArray[np.float64]) -> Detections:
    """From 0..1 of the detector's picture to pixels of the frame; the map is that which the picture was cut with.

    The picture must be upright, else boxes stay no boxes.
    """
    corners = transformed(detections.boxes_xyxy.reshape(-1, 2, 2) * _INPUT_PX, frame_from_crop)
    points = transformed(detections.points * _INPUT_PX, frame_from_crop)
    return Detections(detections.scores, corners.reshape(-1, 4).astype(np.float32), points.astype(np.float32))


def _average(group: Detections) -> Detections:
    weights = group.scores / group.scores.sum()
    return Detections(
        group.scores[:1], (weights @ group.boxes_xyxy)[None], np.einsum("n,npx->px", weights, group.points)[None]
    )


def overlap(box: F32, boxes: F32) -> F32:
    """(4,), (n, 4) -> (n,) intersection over union; 0 where both are empty."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = areas + np.prod(box[2:] - box[:2]) - shared
    return np.asarray(shared / np.where(union > 0, union, 1), np.float32)


def _sigmoid(logits: F32) -> F32:
    clipped = np.clip(logits, -_LOGIT_LIMIT, _LOGIT_LIMIT).astype(np.float64)
    return (1 / (1 + np.exp(-clipped))).astype(np.float32)
