"""What an engine inspector says of a plan, in the form that TensorRT writes (sources: `engine.runtime.layer_types`).

Written for the tests after real texts of TensorRT 8.4 and 10: no GPU was at hand to record one of our own plans.
"""

from __future__ import annotations

IN_DETAIL = """{"Layers": [{
  "Name": "Reformatting CopyNode for Input Tensor 0 to conv2d_0 + relu_1",
  "LayerType": "Reformat",
  "Inputs": [{"Name": "image", "Location": "Device", "Dimensions": [1,256,256,3],
    "Format/Datatype": "Row major linear FP32"}],
  "Outputs": [{"Name": "Reformatted Input Tensor 0 to conv2d_0 + relu_1", "Location": "Device",
    "Dimensions": [1,3,256,256], "Format/Datatype": "Channel major FP16 format where channel % 4 == 0"}],
  "ParameterType": "Reformat",
  "Origin": "REFORMAT",
  "TacticValue": "0x0000000000000000"
},{
  "Name": "conv2d_0 + relu_1",
  "LayerType": "CaskConvolution",
  "Inputs": [{"Name": "Reformatted Input Tensor 0 to conv2d_0 + relu_1", "Location": "Device",
    "Dimensions": [1,3,256,256], "Format/Datatype": "Channel major FP16 format where channel % 4 == 0"}],
  "Outputs": [{"Name": "a", "Location": "Device", "Dimensions": [1,24,128,128],
    "Format/Datatype": "Channel major FP16 format where channel % 8 == 0"}],
  "ParameterType": "Convolution",
  "Kernel": [3,3],
  "Weights": {"Type": "Half", "Count": 648},
  "TacticName": "sm80_xmma_fprop_implicit_gemm_f16f16_f16f16_f16_nhwckrsc_nhwc",
  "TacticValue": "0x0866ddee325d07a6"
},{
  "Name": "conv2d_2",
  "LayerType": "CaskConvolution",
  "Inputs": [{"Name": "a", "Dimensions": [1,24,128,128], "Format/Datatype": "Half"}],
  "Outputs": [{"Name": "b", "Dimensions": [1,24,128,128], "Format/Datatype": "Half"}],
  "StreamId": 0,
  "Metadata": "[ONNX Layer: conv2d_2]"
},{
  "Name": "conv2d_3",
  "LayerType": "CaskConvolution",
  "Inputs": [{"Name": "b.int8", "Dimensions": [1,24,128,128], "Format/Datatype": "Int8"}],
  "Outputs": [{"Name": "c", "Dimensions": [1,24,128,128], "Format/Datatype": "Half"}],
  "Metadata": "[ONNX Layer: conv2d_3]"
},{
  "Name": "__myl_CastGath_myl0_4",
  "LayerType": "kgen",
  "Inputs": [{"Name": "c", "Dimensions": [1,4096], "Format/Datatype": "Half"},
    {"Name": "index", "Dimensions": [1,33], "Format/Datatype": "Int32"}],
  "Outputs": [{"Name": "d", "Dimensions": [1,33], "Format/Datatype": "Float"}],
  "TacticName": "__myl_CastGath_0x1d1b8ba1f0fa49b0a2ff06c0c1c1f0f5",
  "Metadata": "[ONNX Layer: gather_4]"
},{
  "Name": "__myl_Mul_myl0_5",
  "LayerType": "kgen",
  "Inputs": [{"Name": "d", "Dimensions": [1,33], "Format/Datatype": "Float"}],
  "Outputs": [{"Name": "e", "Dimensions": [1,33], "Format/Datatype": "Float"}],
  "Metadata": "[ONNX Layer: mul_5]"
},{
  "Name": "matmul_6_myl0_6",
  "LayerType": "gemm",
  "Inputs": [{"Name": "f", "Dimensions": [1,33], "Format/Datatype": "Half"}],
  "Outputs": [{"Name": "joints_mm.narrow", "Dimensions": [1,51], "Format/Datatype": "Half"}],
  "Metadata": "[ONNX Layer: matmul_6]"
}],
"Bindings": ["image"
,"joints_mm"
]}"""

IN_PARTS = """{"Layers": [{
  "Name": "__myl_CastTran_myl0_0",
  "LayerType": "kgen",
  "Inputs": [{"Name": "image", "Location": "Device", "Dimensions": [1,256,256,3],
    "Format": "Row major linear FP32 format (kLINEAR)", "Datatype": "Float"}],
  "Outputs": [{"Name": "a", "Location": "Device", "Dimensions": [1,3,256,256],
    "Format": "Format not available due to dynamic shapes", "Datatype": "Half"}],
  "StreamId": 0,
  "Metadata": "[ONNX Layer: cast_0]"
},{
  "Name": "conv2d_1_myl0_1",
  "LayerType": "CaskConvolution",
  "Inputs": [{"Name": "a", "Dimensions": [1,3,256,256],
    "Format": "Format not available due to dynamic shapes", "Datatype": "Half"}],
  "Outputs": [{"Name": "joints_mm", "Dimensions": [1,51],
    "Format": "Format not available due to dynamic shapes", "Datatype": "Half"}]
}],
"I/O Tensors": [{"Name": "image", "IOMode": "Input", "Datatype": "Float", "Dimensions": [-1,256,256,3]}],
"Engine Metadata": {"Multi-Device": "Disabled"}}"""
"""As TensorRT 11 and TensorRT for RTX: layout and type apart."""

NAMES_ONLY = """{"Layers": ["Reformatting CopyNode for Input Tensor 0 to conv2d_0 + relu_1"
,"conv2d_0 + relu_1"
],
"Bindings": ["image"
,"joints_mm"
]}"""
