"""A loaded model as a service over HTTP: ModelHub's calls, MAX's calls, ours, and pages to try it.

One server stands in two places. Inside a model's container it asks the engine of the same process;
on a person's machine it asks a sandbox (`proctor_runner.serving`), so that nothing of a stranger's
model ever speaks HTTP. `service.Service` is what both share; `backend.Backend` is the seam.

Standard library alone, Python 3.8. It knows no platform and no challenge.
"""
