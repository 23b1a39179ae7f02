import io

import numpy as np
from flask import abort
from maxfw.core import MAX_API, MAXApp, PredictAPI
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import ModelMetadataAPI

input_parser = MAX_API.parser()
input_parser.add_argument('file', type=FileStorage, location='files', required=True)
input_parser.add_argument('threshold', type=float, default=0.7)


class ModelPredictAPI(PredictAPI):

    @MAX_API.doc('predict')
    @MAX_API.expect(input_parser)
    def post(self):
        """Make a prediction given input data"""
        args = input_parser.parse_args()
        try:
            image = np.array(Image.open(io.BytesIO(args['file'].read())).convert('L'))
        except IOError:
            abort(400, 'The provided input is not a valid image.')
        height, width = image.shape
        rows, columns = np.nonzero(image > 100)
        probability = float(image.max()) / 255 if rows.size else 0.0
        found = []
        if probability > args['threshold']:
            found.append({
                'label_id': '1',
                'label': 'spot',
                'probability': probability,
                'detection_box': [
                    float(rows.min()) / height, float(columns.min()) / width,
                    float(rows.max() + 1) / height, float(columns.max() + 1) / width
                ]
            })
        return {'status': 'ok', 'predictions': found}


max_app = MAXApp()
max_app.add_api(ModelMetadataAPI, '/metadata')
max_app.add_api(ModelPredictAPI, '/predict')
max_app.run()
