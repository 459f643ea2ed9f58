"""Makes the pictures in this folder and expected.json with Pillow and NumPy (python3 make.py).

Pillow decodes each picture (turned by ImageOps.exif_transpose, alpha laid on white); NumPy computes resized tensors and
labels of interpolated logits on its own.
"""
import base64
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

W, H = 29, 18
rng = np.random.default_rng(7)
yy, xx = np.mgrid[0:H, 0:W]
smooth = np.stack([20 + 7 * xx, 240 - 9 * yy, 40 + 3 * xx + 5 * yy], -1).clip(0, 255).astype(np.uint8)
noise = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
alpha = (255 * xx / (W - 1)).astype(np.uint8)

pictures = {}


def packed(a, kind):
    return base64.b64encode(np.ascontiguousarray(a, dtype=kind).tobytes()).decode()


def add(name, tolerance=0, picture=None, **options):
    if picture is not None:
        picture.save(name, **options)
    m = ImageOps.exif_transpose(Image.open(name))
    orientation = Image.open(name).getexif().get(0x0112, 1)
    if m.mode in ("RGBA", "LA", "PA") or "transparency" in m.info:
        m = m.convert("RGBA")
        white = Image.new("RGBA", m.size, "white")
        white.alpha_composite(m)
        m = white
    record(name, np.asarray(m.convert("RGB")), orientation, tolerance)


def record(name, rgb, orientation=1, tolerance=0):
    pictures[name] = {
        "width": rgb.shape[1], "height": rgb.shape[0], "orientation": orientation, "tolerance": tolerance,
        "rgb": packed(rgb, np.uint8),
    }


def exif(o):
    e = Image.Exif()
    e[0x0112] = o
    return e


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(name, samples, depth, colour):
    """Writes samples [H, W, C] of 16 bits, which Pillow cannot, without filters."""
    h, w = samples.shape[:2]
    rows = b"".join(b"\0" + samples[y].astype(">u2").tobytes() for y in range(h))
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


rgb = Image.fromarray(noise)
soft = Image.fromarray(smooth)
add("rgb.png", picture=rgb)
add("grey.png", picture=rgb.convert("L"))
add("one-bit.png", picture=rgb.convert("1"))
add("palette.png", picture=rgb.quantize(16), bits=4)
add("palette-transparent.png", picture=rgb.quantize(16), transparency=3)
add("grey-alpha.png", 1, Image.merge("LA", (rgb.convert("L"), Image.fromarray(alpha))))
add("rgb-alpha.png", 1, Image.merge("RGBA", (*rgb.split(), Image.fromarray(alpha))))
deep = rng.integers(0, 65536, (H, W, 3))
raw_png("rgb16.png", deep, 16, 2)
record("rgb16.png", (deep >> 8).astype(np.uint8))
raw_png("grey16.png", deep[:, :, :1], 16, 0)
record("grey16.png", np.repeat(deep[:, :, :1] >> 8, 3, 2).astype(np.uint8))
add("rgb.jpg", 3, soft, quality=95, subsampling=0)
add("rgb-420.jpg", 12, soft, quality=90, subsampling=2)
add("progressive.jpg", 3, soft, quality=95, subsampling=0, progressive=True)
add("grey.jpg", 2, soft.convert("L"), quality=95)
add("cmyk.jpg", 4, soft.convert("CMYK"), quality=95, subsampling=0)
add("lossy.webp", 9, soft, quality=95)
add("lossy-alpha.webp", 9, Image.merge("RGBA", (*soft.split(), Image.fromarray(alpha))), quality=95, exact=True)
add("lossless.webp", picture=rgb, lossless=True)
add("lossless-alpha.webp", 1, Image.merge("RGBA", (*rgb.split(), Image.fromarray(alpha))), lossless=True, exact=True)
add("rgb.bmp", picture=rgb)
add("palette.bmp", picture=rgb.quantize(16))
add("rgb.tif", picture=rgb)
add("lzw.tif", picture=rgb, compression="tiff_lzw")
add("deflate.tif", picture=rgb, compression="tiff_adobe_deflate")
add("grey.tif", picture=rgb.convert("L"))
add("oriented6.png", picture=rgb, exif=exif(6))
add("oriented5.tif", picture=rgb, exif=exif(5))
add("oriented8.webp", picture=rgb, lossless=True, exif=exif(8))
add("oriented3.jpg", 3, soft, quality=95, subsampling=0, exif=exif(3))
soft.save("animated.webp", save_all=True, append_images=[rgb], lossless=True)

resized = []
for w, h in ((13, 8), (21, 13), (29, 9), (1, 1)):
    planes = [Image.fromarray(noise[:, :, c].astype(np.float32)) for c in range(3)]
    planes = [p.resize((w, h), Image.Resampling.BILINEAR) for p in planes]
    resized.append({"width": w, "height": h, "values": packed([np.asarray(p) for p in planes], "<f4")})


def bilinear_axis(photo, content, size, grid):
    x = (np.arange(photo) + 0.5) * content / photo - 0.5
    x = x.clip(0, content - 1)
    if grid == "corners":
        x = x * ((size[1] - 1) / (size[0] - 1))
    elif grid == "centres":
        x = (x + 0.5) * (size[1] / size[0]) - 0.5
    x = x.clip(0, size[1] - 1)
    lo = np.floor(x).astype(int)
    return lo, np.minimum(lo + 1, size[1] - 1), x - lo


labels = []
for photo, content, size, out, grid in (
    ((31, 17), (12, 7), (12, 9), (12, 9), "same"),
    ((12, 9), (12, 9), (12, 9), (12, 9), "same"),
    ((40, 30), (17, 13), (17, 17), (5, 5), "corners"),
    ((40, 30), (16, 12), (16, 16), (4, 4), "centres"),
    ((3, 2), (12, 8), (12, 12), (12, 12), "same"),
):
    logits = rng.normal(size=(6, out[1], out[0])).astype(np.float32)
    x0, x1, fx = bilinear_axis(photo[0], content[0], (size[0], out[0]), grid)
    y0, y1, fy = bilinear_axis(photo[1], content[1], (size[1], out[1]), grid)
    wide = logits.astype(float)
    rows = wide[:, y0] * (1 - fy)[None, :, None] + wide[:, y1] * fy[None, :, None]
    full = rows[:, :, x0] * (1 - fx) + rows[:, :, x1] * fx
    labels.append({"photo": photo, "content": content, "input": size, "output": out,
                   "logits": packed(logits, "<f4"), "labels": packed(full.argmax(0), np.uint8)})

with open("expected.json", "w") as f:
    json.dump({"pictures": pictures, "resized": resized, "labels": labels}, f, indent=None, separators=(",", ":"))
