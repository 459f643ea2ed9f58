"""Writes metrics.json: random masks, some with ignored pixels and classes that the ground truth or both lack, and what
scikit-learn makes of them. IoU is computed a second time by the rule of cityscapesScripts
(evalPixelLevelSemanticLabeling.getIouScoreForLabel: tp / (tp + fp + fn), false positives only where the truth counts),
and must agree.

    pip install numpy scikit-learn    (made with 2.4 and 1.9)
    python make.py
"""
import json
import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score, recall_score


def cityscapes(matrix, k):
    tp = matrix[k, k]
    fn = matrix[k, :].sum() - tp
    fp = matrix[:, k].sum() - tp
    return tp / (tp + fp + fn)


cases = []
for seed, (classes, ignore, pixels, absent) in enumerate([(2, 255, 40, []), (5, 255, 200, [3]), (11, 11, 500, [0, 7]), (19, 255, 300, list(range(9, 19))), (3, 255, 30, [])]):
    r = np.random.default_rng(seed)
    present = [k for k in range(classes) if k not in absent]
    truth = r.choice(present, pixels)
    prediction = np.where(r.random(pixels) < 0.6, truth, r.integers(0, classes, pixels))
    truth = np.where(r.random(pixels) < 0.1, ignore, truth)
    counts = truth != ignore
    t, p = truth[counts], prediction[counts]
    matrix = confusion_matrix(t, p, labels=range(classes))
    present = sorted(set(t.tolist()))
    iou = jaccard_score(t, p, labels=present, average=None)
    np.testing.assert_allclose(iou, [cityscapes(matrix, k) for k in present], rtol=1e-15)
    cases.append(dict(classes=classes, ignore=ignore, truth=truth.tolist(), prediction=prediction.tolist(), confusion=matrix.tolist(),
                      iou=[float(iou[present.index(k)]) if k in present else None for k in range(classes)],
                      miou=float(jaccard_score(t, p, labels=present, average='macro')), pixel=float(accuracy_score(t, p)),
                      mean=float(recall_score(t, p, labels=present, average='macro')),
                      frequency=float(jaccard_score(t, p, labels=present, average='weighted')),
                      absent=[k for k in range(classes) if k not in present]))
json.dump(cases, open('metrics.json', 'w'), separators=(',', ':'))
