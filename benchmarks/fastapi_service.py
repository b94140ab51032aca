"""The plain alternative: FastAPI and ONNX Runtime in one process, as somebody would write it in an afternoon.

    python -m benchmarks.fastapi_service CHAIN.onnx SIZE PORT

Reads X-rays as the kit does, so that the difference is the serving. ONNX Runtime has all cores; FastAPI runs the
endpoint, which is not async, in its threads.
"""

from __future__ import annotations

import sys

import onnxruntime
import uvicorn
from fastapi import Body, FastAPI, HTTPException

from model_src.classes import CLASS_NAMES
from model_src.errors import RequestError
from model_src.imaging.xray import read_xray


def service(chain: str, size: int) -> FastAPI:
    """POST /predict with an image file as body."""
    session = onnxruntime.InferenceSession(chain, providers=["CPUExecutionProvider"])
    app = FastAPI()

    @app.post("/predict")
    def predict(image: bytes = Body(media_type="application/octet-stream")) -> dict[str, object]:
        try:
            x = read_xray(image, size).tensor[None].numpy()
        except RequestError as error:
            raise HTTPException(error.status, str(error)) from error
        probabilities = session.run(["probabilities"], {"x": x})[0][0].tolist()
        label = max(range(len(CLASS_NAMES)), key=probabilities.__getitem__)
        return {"label": CLASS_NAMES[label], "probabilities": dict(zip(CLASS_NAMES, probabilities, strict=True))}

    return app


if __name__ == "__main__":
    uvicorn.run(service(sys.argv[1], int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[3]), log_level="warning")
