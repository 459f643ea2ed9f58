// Package crc32c has the checksum that LevelDB's tables, TensorFlow's checkpoints and TFRecords share.
package crc32c

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Masked is the CRC-32C of the parts one after the other, rotated and offset as LevelDB's util/crc32c.h does, so that a
// checksum over data that hold checksums stays a good one.
func Masked(parts ...[]byte) uint32 {
	c := uint32(0)
	for _, p := range parts {
		c = crc32.Update(c, castagnoli, p)
	}
	return (c>>15 | c<<17) + 0xa282ead8
}
