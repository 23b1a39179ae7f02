import io

import numpy as np
from flask import abort
from flask_restx import fields
from maxfw.core import MAX_API, MAXApp, CustomMAXAPI, PredictAPI
from maxfw.model import MAXModelWrapper
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import ModelMetadataAPI

LABELS = [('n01', 'dark'), ('n02', 'light')]


class ModelWrapper(MAXModelWrapper):

    def _pre_process(self, inp):
        return np.array(Image.open(io.BytesIO(inp)).convert('L'), dtype='float64')

    def _predict(self, x):
        return x.mean() / 255

    def _post_process(self, result):
        found = [(LABELS[0], 1 - result), (LABELS[1], result)]
        # The likeliest first, as these models answer
        return sorted(found, key=lambda pair: -pair[1])


model_wrapper = ModelWrapper()

input_parser = MAX_API.parser()
input_parser.add_argument('image', type=FileStorage, location='files', required=True,
                          help='An image file')

label_prediction = MAX_API.model('LabelPrediction', {
    'label_id': fields.String(required=False, description='Label identifier'),
    'label': fields.String(required=True, description='Class label'),
    'probability': fields.Float(required=True)
})
predict_response = MAX_API.model('ModelPredictResponse', {
    'status': fields.String(required=True, description='Response status message'),
    'predictions': fields.List(fields.Nested(label_prediction))
})


class ModelPredictAPI(PredictAPI):

    @MAX_API.doc('predict')
    @MAX_API.expect(input_parser)
    @MAX_API.marshal_with(predict_response)
    def post(self):
        """Make a prediction given input data"""
        result = {'status': 'error'}
        args = input_parser.parse_args()
        try:
            preds = model_wrapper.predict(args['image'].read())
        except IOError:
            abort(400, 'The provided input is not a valid image.')
        label_preds = [{'label_id': p[0][0], 'label': p[0][1], 'probability': p[1]}
                       for p in preds]
        result['predictions'] = label_preds
        result['status'] = 'ok'
        return result


class ModelLabelsAPI(CustomMAXAPI):

    def get(self):
        """Return the list of labels supported by the model"""
        labels = [{'id': label[0], 'name': label[1]} for label in LABELS]
        return {'count': len(labels), 'labels': labels}


max_app = MAXApp()
max_app.add_api(ModelMetadataAPI, '/metadata')
max_app.add_api(ModelLabelsAPI, '/labels')
max_app.add_api(ModelPredictAPI, '/predict')
max_app.run()
