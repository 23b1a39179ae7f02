"""The models and servers that `rest` measures, each a file that is written and started."""

from __future__ import annotations

import struct
import zlib

MODEL = """
class Model:
    def predict(self, inputs):
        return [{"label": "low", "probability": 0.25}, {"label": "high", "probability": 0.75}]
"""
CARD = {
    "name": "bench",
    "io": {
        "inputs": {"file": {"type": "json"}},
        "outputs": {"found": {"type": "label_list", "labels": ["low", "high"]}},
    },
}
FASTAPI = """
import json

from fastapi import FastAPI, UploadFile
from model import Model

app = FastAPI()
model = Model()

@app.post("/predict")
def predict(file: UploadFile):
    return {"status": "ok", "predictions": model.predict({"file": json.load(file.file)})}
"""
FLASK = """
import json, logging, sys

from flask import Flask
from flask_restx import Api, Namespace, Resource, fields
from model import Model
from werkzeug.datastructures import FileStorage

logging.getLogger("werkzeug").setLevel(logging.ERROR)
space = Namespace("model")
entry = space.model("LabelPrediction", {"label": fields.String, "probability": fields.Float})
answer = space.model("ModelPredictResponse", {
    "status": fields.String(required=True),
    "predictions": fields.List(fields.Nested(entry)),
})
parser = space.parser()
parser.add_argument("file", type=FileStorage, location="files", required=True)
model = Model()

@space.route("/predict")
class Predict(Resource):
    @space.expect(parser)
    @space.marshal_with(answer)
    def post(self):
        given = json.load(parser.parse_args()["file"])
        return {"status": "ok", "predictions": model.predict({"file": given})}

app = Flask("bench")
Api(app).add_namespace(space)
app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
"""
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n'
    b"Content-Type: application/json\r\n\r\n[1, 2, 3]\r\n--x--\r\n"
)
MAXFW = """
import json, logging, sys

from flask_restx import fields
from maxfw.core import MAX_API, MAXApp, PredictAPI
from maxfw.model import MAXModelWrapper
from model import Model
from werkzeug.datastructures import FileStorage

logging.getLogger("werkzeug").setLevel(logging.ERROR)

class ModelWrapper(MAXModelWrapper):
    def __init__(self):
        self.model = Model()

    def _predict(self, x):
        return self.model.predict({"file": x})

parser = MAX_API.parser()
parser.add_argument("file", type=FileStorage, location="files", required=True)
entry = MAX_API.model("LabelPrediction", {"label": fields.String, "probability": fields.Float})
answer = MAX_API.model("ModelPredictResponse", {
    "status": fields.String(required=True),
    "predictions": fields.List(fields.Nested(entry)),
})

class ModelPredictAPI(PredictAPI):
    wrapper = ModelWrapper()

    @MAX_API.doc("predict")
    @MAX_API.expect(parser)
    @MAX_API.marshal_with(answer)
    def post(self):
        given = json.load(parser.parse_args()["file"])
        return {"status": "ok", "predictions": self.wrapper.predict(given)}

app = MAXApp()
app.add_api(ModelPredictAPI, "/predict")
app.run(host="127.0.0.1", port=int(sys.argv[1]))
"""
PICTURE_CARD = {
    "name": "bench",
    "io": {
        "inputs": {"file": {"type": "image"}},
        "outputs": {"found": {"type": "label_list", "labels": ["low", "high"]}},
    },
}
MODELHUB_CONFIG = {
    "id": "bench",
    "meta": {"name": "bench"},
    "model": {
        "io": {
            "input": {"format": ["image/png"]},
            "output": [{"name": "found", "type": "label_list"}],
        }
    },
}
MODELHUB = """
import logging, os, sys

import numpy
from model import Model
from modelhubapi import ModelHubRESTAPI
from PIL import Image

logging.getLogger("werkzeug").setLevel(logging.ERROR)

class Asked:
    model = Model()

    def infer(self, input):
        return self.model.predict({"file": numpy.asarray(Image.open(input))})

service = ModelHubRESTAPI(Asked(), os.getcwd())
service.working_folder = os.path.join(os.getcwd(), "working")
os.makedirs(service.working_folder, exist_ok=True)
service.app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
"""


def _chunk(name: bytes, data: bytes) -> bytes:
    length, check = len(data), zlib.crc32(name + data)
    return struct.pack(">I", length) + name + data + struct.pack(">I", check)


PICTURE = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(bytes(16 * 17)))
    + _chunk(b"IEND", b"")
    + b"\r\n--x--\r\n"
)
