"""Runs inside the decode container: what a model wrote becomes canonical arrays.

The only place that parses a participant's files. It holds no reference, sees no platform, and
needs the standard library, numpy, nibabel and SimpleITK alone; of Proctor's other parts only the
engine is here, which knows (``own_voxels``) what headers may say.

Canonical forms: a table becomes float64 (items, columns) in the order of the declared columns; a
list of boxes becomes float64 (rows, 3 + numbers of a place): item, class, score, place; a
mask becomes the smallest unsigned integer type that holds the task's labels, in the voxel order of
its grid input, a map of instances uint32, an image and a heatmap floats likewise; a contour becomes
the mask that it fills, a vector a table of one column; texts become bytes in one array, see
``text``, and so does a custom document, see ``document``. All are C-ordered ``.npy`` files of
version 1.0.
"""
