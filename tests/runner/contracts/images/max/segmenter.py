import gzip
import io

import nibabel
import numpy as np
from flask import abort
from maxfw.core import MAX_API, MAXApp, PredictAPI
from maxfw.model import MAXModelWrapper
from werkzeug.datastructures import FileStorage

from core import ModelMetadataAPI

input_parser = MAX_API.parser()
input_parser.add_argument('image', type=FileStorage, location='files', required=True,
                          help='An image file')


class ModelWrapper(MAXModelWrapper):

    def _pre_process(self, inp):
        image = nibabel.Nifti1Image.from_stream(io.BytesIO(gzip.decompress(inp)))
        return np.asarray(image.dataobj)

    def _predict(self, x):
        if x.min() < 0:
            raise ValueError('there is nothing below zero in my world')
        return (x > 50).astype(int).tolist()


model_wrapper = ModelWrapper()


class ModelPredictAPI(PredictAPI):

    @MAX_API.doc('predict')
    @MAX_API.expect(input_parser)
    def post(self):
        """Make a prediction given input data"""
        args = input_parser.parse_args()
        try:
            seg_map = model_wrapper.predict(args['image'].read())
        except ValueError as e:
            abort(400, str(e))
        return {'status': 'ok', 'image_size': [16, 17], 'seg_map': seg_map}


max_app = MAXApp()
max_app.add_api(ModelMetadataAPI, '/metadata')
max_app.add_api(ModelPredictAPI, '/predict')
max_app.run()
