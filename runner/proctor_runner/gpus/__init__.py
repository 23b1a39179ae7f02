"""GPUs of this host: found, held one worker process each, watched while a model uses them."""
