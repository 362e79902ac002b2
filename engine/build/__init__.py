"""Turns ONNX graphs into TensorRT plans: precision, parity in millimetres, builder, sidecar; writes both for Triton."""
