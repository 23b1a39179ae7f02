import os

from flask_restx import fields
from maxfw.core import MAX_API, MAXApp, PredictAPI

from core import ModelMetadataAPI

NESTED = os.path.exists('/opt/app/assets/nested')

model_input = MAX_API.model('ModelInput', {
    'text': fields.List(fields.String, required=True, description='Texts to be analyzed')
})


class ModelPredictAPI(PredictAPI):

    @MAX_API.doc('predict')
    @MAX_API.expect(model_input)
    def post(self):
        """Make a prediction given input data"""
        text = MAX_API.payload['text']
        found = []
        for sentence in text:
            positive = 0.875 if 'good' in sentence else 0.25
            one = {'positive': positive, 'negative': 1 - positive}
            found.append([one] if NESTED else one)
        return {'status': 'ok', 'predictions': found}


max_app = MAXApp()
max_app.add_api(ModelMetadataAPI, '/metadata')
max_app.add_api(ModelPredictAPI, '/predict')
max_app.run()
