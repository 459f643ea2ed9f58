package imageio

import (
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
)

// freePNG is how many bytes a PNG's pixels may take, beside as many as the file has, without a look at whether they are there.
const freePNG = 48 << 20

// WholePNG reports a large PNG whose data are shorter than its header wants, before a decoder takes memory for it: it
// decompresses them into nothing, which takes a fraction of decoding. What else is wrong with a file is for the decoder.
func WholePNG(r io.ReaderAt, size int64) error {
	var b [33]byte // signature and IHDR
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return nil
	}
	w, h := int64(binary.BigEndian.Uint32(b[16:])), int64(binary.BigEndian.Uint32(b[20:]))
	depth, colour, interlaced := int64(b[24]), b[25], b[28] != 0
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide {
		return nil
	}
	channels, decoded := int64(1), int64(1) // samples of a pixel, and bytes that it takes when decoded
	switch colour {
	case 2:
		channels, decoded = 3, 4
	case 4:
		channels, decoded = 2, 4
	case 6:
		channels, decoded = 4, 4
	}
	if depth == 16 {
		decoded *= 2
	}
	if w*h*decoded <= freePNG+size {
		return nil
	}
	z, err := zlib.NewReader(&chunks{r: r, next: 8, size: size})
	if err != nil {
		return fmt.Errorf("%w: PNG: %v", ErrDamaged, err)
	}
	defer z.Close()
	want := pngBytes(w, h, depth*channels, interlaced)
	if n, err := io.CopyN(io.Discard, z, want); err != nil {
		return fmt.Errorf("%w: truncated PNG (its data end after %d bytes of the %d of %d×%d pixels)", ErrDamaged, n, want, w, h)
	}
	return nil
}

// pngBytes is how long the data of a picture are, decompressed: each row is a byte and its pixels. An interlaced picture
// is seven smaller ones.
func pngBytes(w, h, bits int64, interlaced bool) int64 {
	rows := func(w, h int64) int64 {
		if w == 0 {
			return 0
		}
		return h * (1 + (w*bits+7)/8)
	}
	if !interlaced {
		return rows(w, h)
	}
	sum := int64(0)
	for _, p := range [][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		sum += rows((w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3])
	}
	return sum
}

// chunks reads the contents of a PNG's IDAT chunks as one stream.
type chunks struct {
	r          io.ReaderAt
	at, end    int64 // of what is left of the current chunk
	next, size int64 // where the next chunk begins, and the file ends
}

func (c *chunks) Read(p []byte) (int, error) {
	for c.at == c.end {
		var head [8]byte
		if c.next > c.size-int64(len(head)) {
			return 0, io.ErrUnexpectedEOF
		}
		if _, err := c.r.ReadAt(head[:], c.next); err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		begin := c.next + int64(len(head))
		c.next = begin + length + 4
		switch string(head[4:]) {
		case "IDAT":
			c.at, c.end = begin, min(begin+length, c.size)
			c.at = min(c.at, c.end)
		case "IEND":
			return 0, io.ErrUnexpectedEOF
		}
	}
	n, err := c.r.ReadAt(p[:min(int64(len(p)), c.end-c.at)], c.at)
	c.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}
