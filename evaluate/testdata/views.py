"""Writes views.json: what evaluation in several scales, mirrored, and in windows must give for small networks that are
computed here, with SciPy's correlation and interpolation, pixel by pixel.

The network is a 3×3 convolution of the picture (zeros around what it is given), of stride 1 or 4, and a bias: logits.
Every pixel of the picture gets the mean, over all views, of the mean, over the windows of the view that cover it, of
softmax(logits interpolated at its place).

    pip install numpy scipy    (made with 2.4 and 1.17)
    python views.py
"""
import base64
import json
import numpy as np
from scipy import ndimage, signal, special

H, W, CLASSES = 23, 31, 4
r = np.random.default_rng(7)
smooth = ndimage.gaussian_filter(r.random((H, W, 3)), (2, 2, 0))
picture = np.clip((smooth - 0.5) * 900 + 128 + r.normal(0, 20, (H, W, 3)), 0, 255).astype(np.uint8)
weights = r.integers(-8, 9, (CLASSES, 3, 3, 3)) / 1024
bias = np.zeros(CLASSES)


def network(x, stride):
    """x [3, h, w] → logits [CLASSES, ⌈h/stride⌉, ⌈w/stride⌉]"""
    out = [sum(signal.correlate2d(x[i], weights[c, i], mode='same') for i in range(3)) + bias[c] for c in range(CLASSES)]
    return np.array(out)[:, ::stride, ::stride]


bias = np.round(-8 * network(picture.transpose(2, 0, 1).astype(float), 1).mean((1, 2))) / 8  # no class has most pixels


def side(n, scale):
    return int((n - 1) * scale + 1e-9) + 1


def starts(view, size, overlap):
    """Windows a stride apart; the last ends where the view does."""
    if view <= size:
        return [0]
    stride = max(1, int(np.floor(size * (1 - overlap) + 0.5)))
    n = -(-(view - size) // stride)
    return [min(i * stride, view - size) for i in range(n + 1)]


def covers(s, all_, size, x, exclusive):
    """Is the window at s one that decides place x of the view?"""
    k = all_.index(s)
    lo, hi = s - 0.5, s + size - 0.5
    if exclusive:
        lo, hi = (all_[k - 1] + size + s) / 2 - 0.5, (s + size + all_[min(k + 1, len(all_) - 1)]) / 2 - 0.5
    return (k == 0 or x >= lo) and (k == len(all_) - 1 or x < hi)


def place(u, size, out):
    """Where pixel u of an input side lies on the output's."""
    if out == size:
        return u
    if size % out and (size - 1) % (out - 1) == 0:
        return u * (out - 1) / (size - 1)
    return min(max((u + 0.5) * out / size - 0.5, 0), out - 1)


def evaluate(scales=(1,), flip=False, window=None, overlap=0, stride=1, rounded=False, labels=False):
    total = np.zeros((CLASSES, H, W))
    for scale in scales:
        vh, vw = side(H, scale), side(W, scale)
        grid = np.meshgrid(np.linspace(0, H - 1, vh), np.linspace(0, W - 1, vw), indexing='ij')
        view = np.array([ndimage.map_coordinates(picture[..., c].astype(float), grid, order=1, mode='nearest') for c in range(3)])
        size = window or (vh, vw)
        tops, lefts = starts(vh, size[0], overlap), starts(vw, size[1], overlap)
        outputs = {}
        for top in tops:
            for left in lefts:
                for mirrored in [False, True][:1 + flip]:
                    x = np.full((3, *size), 127.5)
                    part = view[:, top:top + size[0], left:left + size[1]]
                    x[:, :part.shape[1], :part.shape[2]] = part
                    if rounded:
                        assert (abs(part - np.floor(part) - 0.5) > 1e-4).all()  # or rounding is a matter of the last bit
                        x = np.floor(x + 0.5)
                    if mirrored:
                        x = x[:, :, ::-1]
                    y = network(x, stride)
                    outputs[top, left, mirrored] = y[:, :, ::-1] if mirrored else y
        for i in range(H):
            for j in range(W):
                y, x = i * (vh - 1) / (H - 1), j * (vw - 1) / (W - 1)
                for mirrored in [False, True][:1 + flip]:
                    seen = []
                    for top in tops:
                        for left in lefts:
                            if not (covers(top, tops, size[0], y, labels) and covers(left, lefts, size[1], x, labels)):
                                continue
                            out = outputs[top, left, mirrored]
                            u = place(min(max(y - top, 0), min(size[0], vh - top) - 1), size[0], out.shape[1])
                            v = place(min(max(x - left, 0), min(size[1], vw - left) - 1), size[1], out.shape[2])
                            if labels:
                                seen.append(np.eye(CLASSES)[out[:, int(u + 0.5), int(v + 0.5)].argmax()])
                                continue
                            logits = [ndimage.map_coordinates(o, [[u], [v]], order=1, mode='nearest')[0] for o in out]
                            seen.append(special.softmax(logits))
                    assert seen and (not labels or len(seen) == 1)
                    total[:, i, j] += np.mean(seen, axis=0)
    return total / (len(scales) * (1 + flip))


PAPER = [0.5, 0.75, 1, 1.25, 1.5, 1.75]
cases = []
for name, options in {
    'whole': {},
    'paper': dict(scales=PAPER, flip=True),
    'paper, stride 4': dict(scales=PAPER, flip=True, stride=4),
    'whole, stride 4': dict(stride=4, flip=True),
    'windows': dict(window=(13, 17), overlap=0.25),
    'windows, half over each other': dict(window=(13, 17), overlap=0.5, scales=[0.75, 1.5], flip=True),
    'windows without overlap': dict(window=(9, 9), scales=[1.25]),
    'windows of stride 4': dict(window=(12, 16), overlap=0.25, stride=4),
    'windows smaller one way only': dict(window=(8, 48), overlap=0.25, flip=True),
    'picture smaller than the window': dict(window=(40, 48), overlap=0.25, flip=True),
    'bytes': dict(scales=[0.9, 1], flip=True, rounded=True),
    'bytes in windows': dict(window=(12, 40), overlap=0.25, rounded=True),
    'labels': dict(labels=True),
    'labels in windows': dict(window=(13, 17), overlap=0.3, labels=True),
}.items():
    p = evaluate(**options)
    ordered = np.sort(p, axis=0)
    unsure = (ordered[-1] - ordered[-2]).ravel() < 1e-4
    places = list(range(0, H * W, 13))
    cases.append(dict(name=name, scales=options.get('scales', []), flip=options.get('flip', False), window=options.get('window', (0, 0)),
                      overlap=options.get('overlap', 0), stride=options.get('stride', 1), rounded=options.get('rounded', False), labels=options.get('labels', False),
                      mask=''.join(map(str, p.argmax(0).ravel())), unsure=np.flatnonzero(unsure).tolist(),
                      places=places, probabilities=[[round(float(v), 7) for v in p.reshape(CLASSES, -1)[:, k]] for k in places]))
    print(name, np.bincount(p.argmax(0).ravel(), minlength=CLASSES), 'unsure', unsure.sum())
json.dump(dict(height=H, width=W, picture=base64.b64encode(picture.tobytes()).decode(), weights=weights.ravel().tolist(), bias=bias.tolist(), cases=cases),
          open('views.json', 'w'), separators=(',', ':'))
