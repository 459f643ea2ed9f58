package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/golang/snappy"

	"autodeeplab/internal/crc32c"
)

// memory is a shard that is no file.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// tableOf makes a table of blocks, whose index is right whatever is in them.
func tableOf(blocks ...[]byte) []byte {
	return packedTable(noCompression, blocks...)
}

func packedTable(compression byte, blocks ...[]byte) []byte {
	var table []byte
	add := func(block []byte) []byte {
		if compression == snappyCompression {
			block = snappy.Encode(nil, block)
		}
		place := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(table))), uint64(len(block)))
		table = append(append(table, block...), compression)
		table = binary.LittleEndian.AppendUint32(table, crc32c.Masked(block, []byte{compression}))
		return place
	}
	var index []byte
	for i, b := range blocks {
		index = append(index, entry("", string(rune('a'+i)), string(add(b)))...)
	}
	footer := slices.Concat(add(block()), add(block(index)))
	footer = append(footer, make([]byte, 40-len(footer))...)
	return append(table, binary.LittleEndian.AppendUint64(footer, tableMagic)...)
}

// block puts entries and one restart together.
func block(entries ...[]byte) []byte {
	return append(slices.Concat(entries...), 0, 0, 0, 0, 1, 0, 0, 0)
}

// entry shares a prefix with the key before it.
func entry(shared, own, value string) []byte {
	var b []byte
	for _, n := range []int{len(shared), len(own), len(value)} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return append(b, own+value...)
}

func TestTable(t *testing.T) {
	blocks := [][]byte{
		block(entry("", "", "header"), entry("", "apple", "1"), entry("app", "ricot", "2")),
		block(entry("", "banana", strings.Repeat("3", 1000))),
	}
	for _, compression := range []byte{noCompression, snappyCompression} {
		var got []string
		err := readTable(packedTable(compression, blocks...), func(key, value []byte) error {
			got = append(got, string(key)+"="+string(value))
			return nil
		})
		want := []string{"=header", "apple=1", "appricot=2", "banana=" + strings.Repeat("3", 1000)}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("compression %d: %.60q, %v", compression, got, err)
		}
	}
}

func TestTableBad(t *testing.T) {
	good := tableOf(block(entry("", "a", "1"), entry("", "b", "2")))
	flipped := func(at int) []byte {
		b := slices.Clone(good)
		b[at] ^= 1
		return b
	}
	bomb := snappy.Encode(nil, make([]byte, MaxTableBytes+1))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a table"},
		{"cut off", good[:len(good)-1], "not a table"},
		{"a flipped bit in a block", flipped(3), "checksum"},
		{"a flipped bit in the index", flipped(len(good) - footerBytes - 10), "checksum"},
		{"a flipped bit in the footer", flipped(len(good) - footerBytes + 2), ""},
		{"keys that fall", tableOf(block(entry("", "b", "1"), entry("", "a", "2"))), `key "a" after "b"`},
		{"a key twice", tableOf(block(entry("", "a", "1")), block(entry("", "a", "2"))), `key "a" after "a"`},
		{"more shared than there is", tableOf(block(entry("xyz", "a", "1"))), "3 shared"},
		{"a value longer than the block", tableOf(block([]byte{0, 1, 100, 'a'})), "1 are left"},
		{"restarts beyond the block", tableOf([]byte{0, 0, 0, 0, 9, 0, 0, 0}), "9 restarts"},
		{"a block without an end", tableOf([]byte{1}), "without an end"},
		{"no snappy data", packedTableRaw([]byte("\xff\xff\xff\xff\xff\xff\xff")), "snappy"},
		{"a block of 128 MiB", packedTableRaw(bomb), "the limit"},
	} {
		err := readTable(c.data, func(_, _ []byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	stop := errors.New("stop")
	if err := readTable(good, func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// packedTableRaw has one block, said to be of snappy.
func packedTableRaw(packed []byte) []byte {
	table := append(slices.Clone(packed), snappyCompression)
	table = binary.LittleEndian.AppendUint32(table, crc32c.Masked(packed, []byte{snappyCompression}))
	place := binary.AppendUvarint([]byte{0}, uint64(len(packed)))
	at := len(table)
	index := block(entry("", "a", string(place)))
	table = append(append(table, index...), noCompression)
	table = binary.LittleEndian.AppendUint32(table, crc32c.Masked(index, []byte{noCompression}))
	footer := binary.AppendUvarint(binary.AppendUvarint([]byte{0, 0}, uint64(at)), uint64(len(index)))
	footer = append(footer, make([]byte, 40-len(footer))...)
	return append(table, binary.LittleEndian.AppendUint64(footer, tableMagic)...)
}
