package imageio

import (
	"encoding/binary"
	"io"
)

// The decoders take memory for all pixels of a header before they look for one, so that a file must be long enough for
// what its header says. A format's packing tells the most pixels that size bytes of it can hold.

// perByte is for formats that spend something on each pixel. Deflate makes at most 1032 bytes of one, a pixel is a bit at
// least, and a JPEG spends a bit on a block of 64 pixels at least.
func perByte(pixels int64) func(io.ReaderAt, int64, int) int64 {
	return func(_ io.ReaderAt, size int64, _ int) int64 { return size * pixels }
}

// Compressions of a TIFF that tell a row of any length by one bit.
const (
	tiffFax3 = 3
	tiffFax4 = 4
)

// tiffPacking looks up the compression. What is neither of the fax machines' is LZW at worst, of which a code of 9 bits or
// more stands for at most 4096 bytes, of eight pixels each.
func tiffPacking(r io.ReaderAt, size int64, width int) int64 {
	const compression, entry = 259, 12
	limit := size * 8 * 4096
	fax := size * 8 * int64(width)
	var b [entry]byte
	if _, err := r.ReadAt(b[:8], 0); err != nil {
		return limit
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if _, err := r.ReadAt(b[:2], at); err != nil {
		return limit
	}
	for range order.Uint16(b[:]) { // as the decoder, which takes the last of several
		if _, err := r.ReadAt(b[:], at+2); err != nil {
			return limit
		}
		if order.Uint16(b[:]) == compression {
			if c := order.Uint16(b[8:]); c == tiffFax3 || c == tiffFax4 {
				limit = max(limit, fax)
			}
		}
		at += entry
	}
	return limit
}
