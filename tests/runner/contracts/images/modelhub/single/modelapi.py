from modelhubapi.pythonapi import ModelHubAPI
from inference import Model

model = ModelHubAPI(Model(), '/contrib_src')
