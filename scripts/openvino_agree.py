"""Runs networks in OpenVINO and in ONNX Runtime on the same pictures and compares what they give.

    python scripts/openvino_agree.py NET.onnx… --pictures FOLDER [--count 4] [--times]

A line a network: how far apart the outputs are (‖a − b‖ / ‖a‖; for labels nothing), the share of pixels that get the same
class, and with --times the median time of a run on one thread, in turns. The exit status is 1 if one does not load, or
gives fewer equal labels than --least (in percent). Needs openvino, onnxruntime, numpy and pillow from PyPI; the pictures
are scaled to the network's input, RGB, 0…255.
"""
import argparse
import pathlib
import statistics
import sys
import time

import numpy as np
import onnxruntime
import openvino
from PIL import Image


def picture(path, shape, byte):
    height, width = (shape[1], shape[2]) if byte else (shape[2], shape[3])
    x = np.asarray(Image.open(path).convert("RGB").resize((width, height), Image.BILINEAR))
    return x[None] if byte else x.transpose(2, 0, 1)[None].astype(np.float32)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("nets", nargs="+")
    p.add_argument("--pictures", required=True)
    p.add_argument("--count", type=int, default=4)
    p.add_argument("--least", type=float, default=0)
    p.add_argument("--times", action="store_true")
    a = p.parse_args()
    files = sorted(f for f in pathlib.Path(a.pictures).iterdir() if f.suffix.lower() in {".jpg", ".jpeg", ".png"})
    files = files[:: max(1, len(files) // a.count)][: a.count]
    print(f"OpenVINO {openvino.__version__.split('-')[0]}, ONNX Runtime {onnxruntime.__version__}, {len(files)} pictures")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    core, bad = openvino.Core(), False
    for net in a.nets:
        try:
            # float32 on both sides: OpenVINO would else take bfloat16 on machines that have it.
            ov = core.compile_model(net, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
            ort = onnxruntime.InferenceSession(net, options, providers=["CPUExecutionProvider"])
        except Exception as e:  # whichever way an engine refuses
            print(f"{net}: {type(e).__name__}: {str(e).splitlines()[0]}")
            bad = True
            continue
        into = ort.get_inputs()[0]
        errors, same, pixels, times = [], 0, 0, ([], [])
        for f in files:
            x = picture(f, into.shape, "uint8" in into.type)
            y = []
            for k, run in enumerate((lambda: ov({into.name: x})[0], lambda: ort.run(None, {into.name: x})[0])):
                y.append(run())
                start = time.perf_counter()
                if a.times:
                    run()
                times[k].append((time.perf_counter() - start) * 1e3)
            if y[0].dtype == np.float32:
                if not all(np.isfinite(v).all() for v in y):
                    print(f"{net}: NaN or infinite on {f.name}")
                    bad = True
                errors.append(np.linalg.norm(y[0].astype(np.float64) - y[1]) / np.linalg.norm(y[1].astype(np.float64)))
                y = [v.argmax(1) for v in y]
            same, pixels = same + int((y[0] == y[1]).sum()), pixels + y[0].size
        share = 100 * same / pixels
        line = f"{net}: {share:.3f} % of the labels are equal"
        if errors:
            line += f", outputs at most {max(errors):.1e} apart"
        if a.times:
            line += f", {statistics.median(times[0]):.0f} ms in OpenVINO, {statistics.median(times[1]):.0f} in ONNX Runtime"
        print(line)
        bad |= share < a.least
    sys.exit(bad)


main()
