"""What a repository for Triton tells of each model beside its tensors: keys in `parameters` of its config.pbtxt."""

from __future__ import annotations

WEIGHTS = "di2pose_weights"
"""How messages name the weights, as `Estimator.weights`."""
ONNX_SHA256 = "di2pose_onnx_sha256"
"""Of the graph in single precision, whatever is served of it."""
