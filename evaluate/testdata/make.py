"""Writes metrics.json: random masks and what NumPy makes of them, by the definitions written out (Long et al. 2015, §5;
the benchmarks' sums over the whole set). Classes that the ground truth lacks are left out of means.
"""
import json
import numpy as np

cases = []
for seed, (classes, ignore, pixels, absent) in enumerate([(2, 255, 40, []), (5, 255, 200, [3]), (11, 11, 500, [0, 7]), (19, 255, 300, list(range(9, 19))), (3, 255, 30, [])]):
    r = np.random.default_rng(seed)
    present = [k for k in range(classes) if k not in absent]
    truth = r.choice(present, pixels)
    prediction = np.where(r.random(pixels) < 0.6, truth, r.integers(0, classes, pixels))
    truth = np.where(r.random(pixels) < 0.1, ignore, truth)
    counts = truth != ignore
    t, p = truth[counts], prediction[counts]
    iou, accuracy, weight = [], [], []
    for k in range(classes):
        if (t == k).any():
            iou.append(((t == k) & (p == k)).sum() / ((t == k) | (p == k)).sum())
            accuracy.append((p[t == k] == k).mean())
            weight.append((t == k).mean())
    cases.append(dict(classes=classes, ignore=ignore, truth=truth.tolist(), prediction=prediction.tolist(),
                      miou=float(np.mean(iou)), pixel=float((t == p).mean()), mean=float(np.mean(accuracy)),
                      frequency=float(np.dot(iou, weight)), absent=[k for k in range(classes) if not (t == k).any()]))
json.dump(cases, open('metrics.json', 'w'), separators=(',', ':'))
