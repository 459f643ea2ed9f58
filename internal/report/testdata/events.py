"""Writes events.golden: the event file that events_test.go must write, made here byte by byte from the definitions of
TFRecord (length, masked CRC-32C, data, masked CRC-32C) and of TensorFlow's event.proto and summary.proto.
"""
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b'123456789') == 0xE3069283  # the check value of CRC-32C


def masked(data):
    c = crc32c(data)
    return struct.pack('<I', ((c >> 15 | c << 17) + 0xA282EAD8) % 2**32)


def record(data):
    length = struct.pack('<Q', len(data))
    return length + masked(length) + data + masked(data)


def varint(n):
    out = b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(time, step, rest):
    return record(b'\x09' + struct.pack('<d', time) + b'\x10' + varint(step) + rest)


def scalar(tag, value):
    return field(5, field(1, field(1, tag.encode()) + b'\x15' + struct.pack('<f', value)))


with open('events.golden', 'wb') as f:
    f.write(event(1700000000.5, 0, field(3, b'brain.Event:2')))
    f.write(event(1700000001.25, 1, scalar('epoch/loss', 0.75)))
    f.write(event(1700000002.0, 300, scalar('step/rate', 0.025)))
