"""The REST service of ModelHub as its documentation and behavior describe it."""

import os
from datetime import datetime

from flask import Flask, jsonify, request, send_from_directory
from flask_cors import CORS

from .pythonapi import ModelHubAPI

# What libmagic says of a file's first bytes; any other type fails, as it does there
KINDS = [(b'\x89PNG', 'image/png', '.png'), (b'\xff\xd8', 'image/jpeg', '.jpg'),
         (b'{', 'application/json', '.json')]


class ModelHubRESTAPI(object):

    def __init__(self, model, contrib_src_dir):
        self.app = Flask(__name__)
        CORS(self.app)
        self.working_folder = '/working'
        self.api = ModelHubAPI(model, contrib_src_dir)
        self.app.add_url_rule('/api/get_config', 'get_config',
                              lambda: jsonify(self.api.get_config()))
        self.app.add_url_rule('/api/get_model_io', 'get_model_io',
                              lambda: jsonify(self.api.get_model_io()))
        self.app.add_url_rule('/api/predict', 'predict', self.predict, methods=['GET', 'POST'])
        self.app.add_url_rule('/api/output/<output_name>', 'output', self._output)

    def predict(self):
        try:
            file_name, mime_type = self._save(request.files.get('file'))
            if mime_type not in self.api.get_model_io()['input']['format']:
                return self._jsonify({'error': 'Incorrect file type.'})
            result = self._jsonify(self.api.predict(file_name, url_root=request.url_root))
            for name in os.listdir(self.working_folder):
                os.unlink(os.path.join(self.working_folder, name))
            return result
        except Exception as e:
            return self._jsonify({'error': str(e)})

    def start(self):
        self.app.run(host='0.0.0.0', port=80, threaded=True)

    def _save(self, file):
        content = file.read()
        for start, mime_type, extension in KINDS:
            if content.startswith(start):
                break
        else:
            raise KeyError('application/gzip')
        name = datetime.now().strftime('%Y-%m-%d-%H-%M-%S-%f') + extension
        path = os.path.join(self.working_folder, name)
        with open(path, 'wb') as f:
            f.write(content)
        return path, mime_type

    def _output(self, output_name):
        return send_from_directory(self.api.output_folder, output_name, cache_timeout=-1)

    def _jsonify(self, content):
        response = jsonify(content)
        if isinstance(content, dict) and 'error' in content:
            response.status_code = 400
        return response
