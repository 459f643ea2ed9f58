#!/usr/bin/env python3
"""Writes the *.tfrecord of this folder with TensorFlow: what deeplab/datasets/build_data.py of the authors' release makes
of four tiny pictures.

    pip install tensorflow-cpu numpy; python3 records.py

Picture i of split s (0 train, 1 val) is 6 rows by 7 columns; row y, column x, channel c has (40y + 25x + 60c + 30i + 90s)
mod 256, its label is (y + x + i) mod 4, or 255 where y = x.
"""
import os
import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))


def feature(value):
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def example(i, split):
    y, x, c = np.meshgrid(np.arange(6), np.arange(7), np.arange(3), indexing="ij")
    image = ((40 * y + 25 * x + 60 * c + 30 * i + 90 * split) % 256).astype(np.uint8)
    y, x = y[..., :1], x[..., :1]
    labels = np.where(y == x, 255, (y + x + i) % 4).astype(np.uint8)
    return tf.train.Example(features=tf.train.Features(feature={
        "image/encoded": feature(tf.io.encode_png(image).numpy()),
        "image/filename": feature(b"picture%d" % i),
        "image/format": feature(b"png"),
        "image/height": feature(6),
        "image/width": feature(7),
        "image/channels": feature(3),
        "image/segmentation/class/encoded": feature(tf.io.encode_png(labels).numpy()),
        "image/segmentation/class/format": feature(b"png"),
    })).SerializeToString()


for name, split, pictures in [("train-00000-of-00002", 0, [0, 1]), ("train-00001-of-00002", 0, [2]), ("val-00000-of-00001", 1, [0])]:
    with tf.io.TFRecordWriter(os.path.join(HERE, name + ".tfrecord")) as w:
        for i in pictures:
            w.write(example(i, split))
