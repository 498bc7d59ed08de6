"""Networks from wherever they come: timm, open_clip, ONNX, Python, a hub or a file."""
