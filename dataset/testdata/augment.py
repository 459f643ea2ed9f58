#!/usr/bin/env python3
"""Writes augment.json: crops of scaled, flipped and padded pictures as PyTorch makes them.

    pip install torch numpy; python3 augment.py

The picture of height h and width w has at row y, column x and channel c the value (37y + 91x + 53c + 7xy) mod 256, the
label there is (3y + 5x) mod 8. A case scales both to h2 × w2 (bilinear with pixel centres at halves and without
smoothing; labels to the nearest), flips them, pads them at the right and below with 127.5 and label 255 to at least the
crop, and cuts height × width at row top, column left. image [3, height, width] and labels [height, width] are flat.
"""
import json, os
import torch
import torch.nn.functional as F

CASES = [  # h, w, h2, w2, height, width, top, left, flip
    (8, 10, 8, 10, 5, 6, 2, 3, False),
    (8, 10, 8, 10, 5, 6, 2, 3, True),
    (8, 10, 16, 20, 7, 5, 6, 11, False),
    (8, 10, 16, 20, 7, 5, 9, 15, True),
    (8, 10, 4, 5, 6, 7, 0, 0, False),
    (8, 10, 4, 5, 6, 7, 0, 0, True),
    (8, 10, 6, 8, 8, 4, 0, 4, True),   # too low, but wide enough
    (7, 9, 12, 16, 6, 20, 5, 0, False),  # ratios that are no whole numbers
    (7, 9, 9, 11, 9, 11, 0, 0, True),
    (1, 3, 2, 5, 4, 4, 0, 1, False),
]


def case(h, w, h2, w2, height, width, top, left, flip):
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    image = torch.stack([(37 * y + 91 * x + 53 * c + 7 * x * y) % 256 for c in range(3)]).float()[None]
    labels = ((3 * y + 5 * x) % 8).float()[None, None]
    image = F.interpolate(image, size=(h2, w2), mode="bilinear", align_corners=False)
    labels = F.interpolate(labels, size=(h2, w2), mode="nearest-exact")
    if flip:
        image, labels = image.flip(3), labels.flip(3)
    pad = (0, max(width - w2, 0), 0, max(height - h2, 0))
    image = F.pad(image, pad, value=127.5)[0, :, top:top + height, left:left + width]
    labels = F.pad(labels, pad, value=255)[0, 0, top:top + height, left:left + width]
    assert image.shape == (3, height, width) and labels.shape == (height, width)
    return dict(h=h, w=w, h2=h2, w2=w2, height=height, width=width, top=top, left=left, flip=flip,
                image=[round(v, 4) for v in image.flatten().tolist()], labels=labels.int().flatten().tolist())


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "augment.json"), "w") as f:
    f.write("[" + ",\n".join(json.dumps(case(*c)) for c in CASES) + "]\n")
