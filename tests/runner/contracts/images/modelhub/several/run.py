from modelhubapi import webservice
from inference import Model

webservice.start(Model(), '/contrib_src')
