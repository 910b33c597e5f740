"""Models as ONNX files, to be served without PyTorch."""

from cartveil.insight.models.onnx.export import export_onnx

__all__ = ["export_onnx"]
