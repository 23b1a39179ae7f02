from .restapi import ModelHubRESTAPI


def start(model, contrib_src_dir):
    ModelHubRESTAPI(model, contrib_src_dir).start()
