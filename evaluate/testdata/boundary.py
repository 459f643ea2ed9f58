"""Writes boundary.json: random masks of blobs, and their boundary F-scores by morphology and exact distance transforms.

A pixel of a class is on its boundary if erosion by a cross removes it, where ignored pixels and those outside the picture
count as of the class. Distances are Euclidean; a picture counts for a class if either mask has a boundary of it.

    pip install numpy scipy    (made with 2.4 and 1.17)
    python boundary.py
"""
import json
import numpy as np
from scipy import ndimage


def boundary(mask, ignored, k):
    cross = ndimage.generate_binary_structure(2, 1)
    own = (mask == k) & ~ignored
    return own & ~ndimage.binary_erosion(own | ignored, cross, border_value=1)


def score(prediction, truth, k, ignore, tolerance):
    ignored = truth == ignore
    a, b = boundary(prediction, ignored, k), boundary(truth, ignored, k)
    if not a.any() and not b.any():
        return None
    if not a.any() or not b.any():
        return 0.0
    reach = tolerance * np.hypot(*truth.shape)
    precision = (ndimage.distance_transform_edt(~b)[a] <= reach).mean()
    recall = (ndimage.distance_transform_edt(~a)[b] <= reach).mean()
    return 0.0 if precision + recall == 0 else float(2 * precision * recall / (precision + recall))


def blobs(r, h, w, classes, size):
    return ndimage.gaussian_filter(r.random((classes, h, w)), (0, size, size)).argmax(0)


cases = []
for seed, (classes, tolerance, sizes, lacking) in enumerate([
        (3, 0.0075, [(40, 60), (33, 47)], []), (5, 0.03, [(30, 30), (50, 20), (1, 40), (2, 2)], [4]), (4, 0.1, [(48, 64)], [1]), (3, 1e-6, [(20, 20)], [])]):
    r = np.random.default_rng(seed)
    pictures, scores = [], [[] for _ in range(classes)]
    for h, w in sizes:
        truth = blobs(r, h, w, classes, 3)
        for k in lacking:
            truth[truth == k] = 0
        prediction = np.roll(truth, (int(r.integers(-2, 3)), int(r.integers(-2, 3))), (0, 1))
        noise = blobs(r, h, w, 2, 2) & (r.random((h, w)) < 0.5)
        prediction = np.where(noise, blobs(r, h, w, classes, 1), prediction)
        truth = np.where(blobs(r, h, w, 6, 2) == 0, 255, truth)
        for k in range(classes):
            s = score(prediction, truth, k, 255, tolerance)
            if s is not None:
                scores[k].append(s)
        pictures.append(dict(height=h, width=w, truth=truth.ravel().tolist(), prediction=prediction.ravel().tolist()))
    cases.append(dict(classes=classes, tolerance=tolerance, pictures=pictures, f=[float(np.mean(s)) if s else None for s in scores]))
json.dump(cases, open('boundary.json', 'w'), separators=(',', ':'))
for c in cases:
    print(c['tolerance'], c['f'])
