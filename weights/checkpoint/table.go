package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/golang/snappy"

	"autodeeplab/internal/crc32c"
)

// The index of a TensorFlow checkpoint is a table as LevelDB writes them (its doc/table_format.md): blocks of sorted
// keys and values, an index block of the blocks' places, and a footer that says where that is. It is read from end to
// end, once; so there is nothing here of seeking, caching or iterators.
const (
	tableMagic   = 0xdb4775248b80fb57
	footerBytes  = 48
	trailerBytes = 5 // of a block: its compression and its checksum

	// MaxTableBytes bounds a table, and what its blocks hold when decompressed.
	MaxTableBytes = 128 << 20
)

// Compressions of a block.
const (
	noCompression     = 0
	snappyCompression = 1
)

// tableReader counts what blocks were decompressed to.
type tableReader struct {
	data     []byte
	unpacked int
}

// endsInTableMagic reports whether a file ends as a table does.
func endsInTableMagic(r io.ReaderAt, size int64) bool {
	var magic [8]byte
	if size < footerBytes {
		return false
	}
	_, err := r.ReadAt(magic[:], size-8)
	return (err == nil || err == io.EOF) && binary.LittleEndian.Uint64(magic[:]) == tableMagic
}

// readTable gives the entries of a table in the order of their keys, each key once. The slices are valid until visit
// returns.
func readTable(data []byte, visit func(key, value []byte) error) error {
	if len(data) < footerBytes || !endsInTableMagic(bytes.NewReader(data), int64(len(data))) {
		return errors.New("not a table: its last 8 bytes are not a table's (a cut-off file?)")
	}
	t := &tableReader{data: data}
	footer := data[len(data)-footerBytes:]
	_, rest, err := blockHandle(footer) // of the metaindex, which checkpoints leave empty
	if err != nil {
		return err
	}
	place, _, err := blockHandle(rest)
	if err != nil {
		return err
	}
	index, err := t.block(place)
	if err != nil {
		return fmt.Errorf("index block: %w", err)
	}
	var last []byte
	first := true
	return entries(index, func(_, value []byte) error {
		place, _, err := blockHandle(value)
		if err != nil {
			return err
		}
		block, err := t.block(place)
		if err != nil {
			return fmt.Errorf("block at %d: %w", place.offset, err)
		}
		return entries(block, func(key, value []byte) error {
			// Strictly rising keys also end a table whose index names one block over and over.
			if !first && bytes.Compare(key, last) <= 0 {
				return fmt.Errorf("key %s after %s", Quote(string(key)), Quote(string(last)))
			}
			last, first = append(last[:0], key...), false
			return visit(key, value)
		})
	})
}

// handle is the place of a block, without its trailer.
type handle struct{ offset, size uint64 }

func blockHandle(b []byte) (handle, []byte, error) {
	offset, n := binary.Uvarint(b)
	if n <= 0 {
		return handle{}, nil, errors.New("a damaged block handle")
	}
	size, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return handle{}, nil, errors.New("a damaged block handle")
	}
	return handle{offset, size}, b[n+m:], nil
}

// block reads a block's contents.
func (t *tableReader) block(h handle) ([]byte, error) {
	have := uint64(len(t.data))
	if h.offset > have || h.size > have-h.offset || have-h.offset-h.size < trailerBytes {
		return nil, fmt.Errorf("%d bytes at %d, in a file of %d", h.size, h.offset, have)
	}
	contents := t.data[h.offset:][:h.size]
	trailer := t.data[h.offset+h.size:][:trailerBytes]
	if want, got := binary.LittleEndian.Uint32(trailer[1:]), crc32c.Masked(contents, trailer[:1]); got != want {
		return nil, fmt.Errorf("its checksum is %#08x, the file says %#08x (a damaged file)", got, want)
	}
	size := len(contents)
	if trailer[0] == snappyCompression {
		n, err := snappy.DecodedLen(contents)
		if err != nil {
			return nil, fmt.Errorf("damaged snappy data: %w", err)
		}
		size = n
	}
	if t.unpacked += size; t.unpacked > MaxTableBytes {
		return nil, fmt.Errorf("the table's blocks hold more than %d bytes, the limit", MaxTableBytes)
	}
	switch trailer[0] {
	case noCompression:
		return contents, nil
	case snappyCompression:
		out, err := snappy.Decode(nil, contents)
		if err != nil {
			return nil, fmt.Errorf("damaged snappy data: %w", err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("compression %d (want %d, none, or %d, snappy)", trailer[0], noCompression, snappyCompression)
}

// entries walks a block: each entry is how much of the last key it shares, how many bytes of its own key and of its value
// follow, and those. At the end stand the restarts, which only seeking needs, and their number.
func entries(block []byte, visit func(key, value []byte) error) error {
	if len(block) < 4 {
		return errors.New("a block without an end")
	}
	restarts := uint64(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if restarts > uint64(len(block)-4)/4 {
		return fmt.Errorf("a block of %d bytes with %d restarts", len(block), restarts)
	}
	block = block[:len(block)-4-4*int(restarts)]
	var key []byte
	for len(block) > 0 {
		var n [3]uint64 // shared, own, value
		for i := range n {
			v, size := binary.Uvarint(block)
			if size <= 0 {
				return errors.New("a damaged entry")
			}
			n[i], block = v, block[size:]
		}
		have := uint64(len(block))
		if n[0] > uint64(len(key)) || n[1] > have || n[2] > have-n[1] {
			return fmt.Errorf("an entry of %d shared, %d and %d bytes, where %d are left", n[0], n[1], n[2], have)
		}
		key = append(key[:n[0]], block[:n[1]]...)
		value := block[n[1] : n[1]+n[2]]
		block = block[n[1]+n[2]:]
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}
