from maxfw.core import MAX_API, MetadataAPI
from maxfw.core.api import METADATA_SCHEMA


class ModelMetadataAPI(MetadataAPI):

    @MAX_API.marshal_with(METADATA_SCHEMA)
    def get(self):
        """Return the metadata associated with the model"""
        return {
            'id': 'test-model',
            'name': 'Test Model',
            'description': 'A model that looks at how bright things are',
            'type': 'Test',
            'source': 'https://example.org/test-model',
            'license': 'ApacheV2'
        }
