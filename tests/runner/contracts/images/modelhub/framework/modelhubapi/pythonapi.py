"""The Python interface of ModelHub as its documentation and behavior describe it."""

import io
import json
import os
import time
from datetime import datetime

import h5py
import numpy


class ModelHubAPI(object):

    def __init__(self, model, contrib_src_dir):
        self.model = model
        self.contrib_src_dir = contrib_src_dir
        self.output_folder = '/output'

    def get_config(self):
        with io.open(self.contrib_src_dir + '/model/config.json', encoding='utf-8') as f:
            return json.load(f)

    def get_model_io(self):
        return self.get_config()['model']['io']

    def predict(self, input_file_path, numpyToFile=True, url_root=''):
        try:
            config = self.get_config()
            start = time.time()
            outputs = self.model.infer(self._checked(input_file_path))
            declared = config['model']['io']['output']
            if not isinstance(outputs, list) or len(declared) == 1:
                outputs = [outputs]
            listed = []
            for one, entry in zip(outputs, declared):
                is_array = isinstance(one, numpy.ndarray)
                shape = list(one.shape) if is_array else [len(one)]
                if is_array and numpyToFile:
                    one = url_root + 'api' + self._save(one, entry['name'])
                elif is_array:
                    one = one.tolist()
                listed.append({'prediction': one, 'shape': shape, 'type': entry['type'],
                               'name': entry['name'],
                               'description': entry.get('description', '')})
            return {'output': listed,
                    'timestamp': datetime.now().strftime('%Y-%m-%d-%H-%M-%S-%f'),
                    'processing_time': round(time.time() - start, 3),
                    'model': {'id': config['id'], 'name': config['meta']['name']}}
        except Exception as e:
            print(e)
            return {'error': repr(e)}

    def _checked(self, given):
        if not isinstance(given, dict):
            if not given.lower().endswith('.json'):
                return given
            with io.open(given, encoding='utf-8') as f:
                given = json.load(f)
        for key in self.get_model_io()['input']:
            if key not in given:
                raise IOError('The input json does not match the input schema in the '
                              'configuration file')
        return given

    def _save(self, array, name):
        path = os.path.join(self.output_folder,
                            datetime.now().strftime('%Y-%m-%d-%H-%M-%S-%f') + '.h5')
        with h5py.File(path, 'w') as h5f:
            dataset = h5f.create_dataset(name, data=array)
            dataset.attrs['type'] = numpy.bytes_(str(array.dtype))
        return path
