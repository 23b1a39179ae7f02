import numpy as np
from PIL import Image


class Model(object):

    def infer(self, input):
        image = np.array(Image.open(input).convert('L'), dtype='float64')
        light = image.mean() / 255
        return [{'label': 'dark', 'probability': 1 - light},
                {'label': 'light', 'probability': light}]
