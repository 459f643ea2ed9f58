package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"autodeeplab/internal/crc32c"
	"autodeeplab/onnx/tensor"
)

// A TensorFlow checkpoint of version 2 (tensorflow/core/util/tensor_bundle, protobuf/tensor_bundle.proto) is a table
// PREFIX.index from tensor names to BundleEntryProto: type, shape, and which bytes of which shard
// PREFIX.data-00000-of-00001 are its elements. The empty key holds the BundleHeaderProto. A partitioned variable has an
// entry that lists its slices, and one for each slice under a key that sliceKey makes.

const indexEnding = ".index"

// maxShards bounds the data files of a checkpoint.
const maxShards = 1 << 12

var shardEnding = regexp.MustCompile(`\.data-\d{5}-of-\d{5}$`)

// dataTypes are those of tensorflow/core/framework/types.proto.
var dataTypes = map[uint64]struct {
	name  string
	dtype tensor.DType
}{
	1: {"DT_FLOAT", tensor.Float32}, 2: {"DT_DOUBLE", tensor.Float64}, 3: {"DT_INT32", tensor.Int32}, 4: {"DT_UINT8", tensor.Uint8},
	5: {"DT_INT16", tensor.Int16}, 6: {"DT_INT8", tensor.Int8}, 7: {"DT_STRING", tensor.Undefined}, 9: {"DT_INT64", tensor.Int64},
	10: {"DT_BOOL", tensor.Bool}, 14: {"DT_BFLOAT16", tensor.BFloat16}, 17: {"DT_UINT16", tensor.Uint16}, 19: {"DT_HALF", tensor.Float16},
	22: {"DT_UINT32", tensor.Uint32}, 23: {"DT_UINT64", tensor.Uint64},
}

// tensorFlowPrefix finds the prefix of the checkpoint that path names: the prefix itself, one of its files, or the folder
// that holds it. ok is false for what is no TensorFlow checkpoint.
func tensorFlowPrefix(path string) (prefix string, ok bool, err error) {
	if prefix, ok := strings.CutSuffix(path, indexEnding); ok {
		return prefix, true, nil
	}
	if at := shardEnding.FindStringIndex(path); at != nil {
		return path[:at[0]], true, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		_, indexErr := os.Stat(path + indexEnding)
		return path, indexErr == nil, nil // else opening it says what is wrong
	}
	if !info.IsDir() {
		return "", false, nil
	}
	prefix, err = prefixInFolder(path)
	return prefix, err == nil, err
}

// latestCheckpoint is the line of the file "checkpoint" that TensorFlow keeps beside checkpoints.
var latestCheckpoint = regexp.MustCompile(`(?m)^model_checkpoint_path: "([^"\\]+)"\s*$`)

func prefixInFolder(folder string) (string, error) {
	if f, err := openRegular(filepath.Join(folder, "checkpoint")); err == nil {
		state, err := io.ReadAll(io.LimitReader(f, 1<<16))
		f.Close()
		if m := latestCheckpoint.FindSubmatch(state); err == nil && m != nil {
			// A checkpoint that was moved has an absolute path of where it was.
			prefix := filepath.Join(folder, filepath.Base(string(m[1])))
			if _, err := os.Stat(prefix + indexEnding); err == nil {
				return prefix, nil
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", plain(folder, err)
	}
	var found []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), indexEnding); ok && !e.IsDir() {
			found = append(found, filepath.Join(folder, name))
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s: not a file, and a folder without a TensorFlow checkpoint (want %s)", folder, Accepted)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s: holds %d checkpoints, %s the first: name one of them", folder, len(found), filepath.Base(found[0]))
}

// bundle is an open TensorFlow checkpoint.
type bundle struct {
	shards int
	files  []shardFile
	// slices are the entries of parts of tensors, by their keys.
	slices map[string]*bundleEntry
}

// shardFile is an open PREFIX.data file.
type shardFile interface {
	io.ReaderAt
	io.Closer
}

// bundleEntry is a BundleEntryProto.
type bundleEntry struct {
	dtype        uint64
	shape        []int
	shard        uint64
	offset, size int64
	checksum     uint32
	slices       []tensorSlice
}

// openRegular opens a file that lies beside another one: opening a pipe would wait for ever, and a device has no end.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

func openTensorFlow(prefix string) (*File, error) {
	path := prefix + indexEnding
	file, err := openRegular(path)
	if err != nil {
		return nil, plain(path, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxTableBytes+1))
	if err != nil {
		return nil, plain(path, err)
	}
	if len(data) > MaxTableBytes {
		return nil, fmt.Errorf("%s: longer than %d bytes, the limit", path, MaxTableBytes)
	}
	b := &bundle{}
	tensors, err := b.read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range b.shards { // opened now, so that a missing one is said before hours of work
		shard := fmt.Sprintf("%s.data-%05d-of-%05d", prefix, i, b.shards)
		f, err := openRegular(shard)
		if err != nil {
			b.Close()
			return nil, plain(shard, err)
		}
		b.files = append(b.files, f)
	}
	sortTensors(tensors)
	return &File{Format: TensorFlow, Tensors: tensors, closers: []io.Closer{b}}, nil
}

// Close closes the shards.
func (b *bundle) Close() error {
	var errs []error
	for _, f := range b.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// read lists the tensors of an index.
func (b *bundle) read(data []byte) ([]Tensor, error) {
	var tensors []Tensor
	b.slices = make(map[string]*bundleEntry)
	slices := 0
	err := readTable(data, func(key, value []byte) error {
		if len(key) == 0 {
			return b.header(value)
		}
		if b.shards == 0 {
			return errors.New("no BundleHeaderProto under the empty key (a table, but not a checkpoint's index)")
		}
		e, err := parseEntry(value)
		if err != nil {
			return fmt.Errorf("%s: %w", Quote(string(key)), err)
		}
		if slices += 1 + len(e.slices); slices > MaxTensors {
			return fmt.Errorf("more than %d tensors and slices of tensors, the limit", MaxTensors)
		}
		if key[0] == 0 {
			b.slices[string(key)] = e
			return nil
		}
		tensors = append(tensors, b.tensor(string(key), e))
		return nil
	})
	if err == nil && b.shards == 0 {
		err = errors.New("an empty table, want a checkpoint's index")
	}
	return tensors, err
}

// header reads a BundleHeaderProto.
func (b *bundle) header(data []byte) error {
	endianness, minConsumer := uint64(0), uint64(0)
	err := message(data, func(f field) error {
		switch f.number {
		case 1:
			b.shards = int(min(f.value, math.MaxInt32))
		case 2:
			endianness = f.value
		case 3: // VersionDef
			return message(f.bytes, func(f field) error {
				if f.number == 2 {
					minConsumer = f.value
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("BundleHeaderProto: %w", err)
	case endianness != 0:
		return errors.New("its numbers are not in little-endian order")
	case minConsumer > 1:
		return fmt.Errorf("a bundle for readers of version %d on (this one is of version 1)", minConsumer)
	case b.shards < 1 || b.shards > maxShards:
		return fmt.Errorf("%d shards, want 1 to %d", b.shards, maxShards)
	}
	return nil
}

// tensor makes a tensor of an entry.
func (b *bundle) tensor(name string, e *bundleEntry) Tensor {
	t := Tensor{Name: name, Shape: e.shape}
	if known, ok := dataTypes[e.dtype]; ok {
		t.Type, t.DType = known.name, known.dtype
	} else {
		t.Type = "DataType " + strconv.FormatUint(e.dtype, 10)
	}
	t.storage = func() ([]byte, error) {
		n, err := checkShape(e.shape)
		if err != nil {
			return nil, err
		}
		if len(e.slices) > 0 {
			return b.assemble(name, e, t.DType.Size())
		}
		return b.elements(e, n*t.DType.Size())
	}
	return t
}

// elements reads the bytes of an entry and checks them against its checksum.
func (b *bundle) elements(e *bundleEntry, want int) ([]byte, error) {
	if e.size != int64(want) {
		return nil, fmt.Errorf("%d bytes of elements, where the shape %s takes %d", e.size, tensor.FormatShape(e.shape), want)
	}
	if e.shard >= uint64(len(b.files)) {
		return nil, fmt.Errorf("lies in shard %d of %d", e.shard, b.shards)
	}
	data, err := readExactly(io.NewSectionReader(b.files[e.shard], e.offset, e.size), e.size)
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes from %d on, in shard %d", err, e.size, e.offset, e.shard)
	}
	if got := crc32c.Masked(data); got != e.checksum {
		return nil, fmt.Errorf("its checksum is %#08x, the index says %#08x (a damaged file)", got, e.checksum)
	}
	return data, nil
}

// parseEntry reads a BundleEntryProto.
func parseEntry(data []byte) (*bundleEntry, error) {
	e := &bundleEntry{}
	err := message(data, func(f field) (err error) {
		switch f.number {
		case 1:
			e.dtype = f.value
		case 2:
			e.shape, err = parseShape(f.bytes)
		case 3:
			e.shard = f.value
		case 4:
			e.offset = int64(f.value)
		case 5:
			e.size = int64(f.value)
		case 6:
			e.checksum = uint32(f.value)
		case 7:
			var s tensorSlice
			if len(e.slices) == MaxTensors {
				return fmt.Errorf("more than %d slices, the limit", MaxTensors)
			}
			s, err = parseSlice(f.bytes)
			e.slices = append(e.slices, s)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if e.offset < 0 || e.size < 0 {
		return nil, fmt.Errorf("%d bytes at %d", e.size, e.offset)
	}
	_, err = checkShape(e.shape)
	return e, err
}

// parseShape reads a TensorShapeProto.
func parseShape(data []byte) ([]int, error) {
	shape := []int{}
	err := message(data, func(f field) error {
		switch f.number {
		case 2: // Dim
			size := 0
			err := message(f.bytes, func(f field) error {
				if f.number == 1 {
					size = int(int64(f.value))
				}
				return nil
			})
			shape = append(shape, size)
			return err
		case 3:
			if f.value != 0 {
				return errors.New("a tensor of unknown rank")
			}
		}
		return nil
	})
	return shape, err
}

// field is one field of a protobuf message: value for numbers, bytes for the rest.
type field struct {
	number protowire.Number
	value  uint64
	bytes  []byte
}

// message visits the fields of a message in their order.
func message(data []byte, visit func(f field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errors.New("a damaged message")
		}
		data = data[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.value = uint64(v)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return fmt.Errorf("a damaged message: field %d", number)
		}
		data = data[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// sliceKey is the key of a slice of a tensor (tensorflow/core/util/saved_tensor_slice_util.cc): the number 0, the name,
// the number of axes, and of each axis where the slice starts and how long it is, in an encoding that keeps the order
// (core/lib/strings/ordered_code.cc).
func sliceKey(name string, s tensorSlice) string {
	key := appendOrderedNumber(nil, 0)
	key = appendOrderedString(key, name)
	key = appendOrderedNumber(key, uint64(len(s)))
	for _, e := range s {
		key = appendOrderedSigned(key, e.start)
		key = appendOrderedSigned(key, e.length)
	}
	return string(key)
}

// appendOrderedNumber appends how many bytes a number has, and those, the highest first.
func appendOrderedNumber(b []byte, v uint64) []byte {
	digits := binary.BigEndian.AppendUint64(nil, v)
	for len(digits) > 0 && digits[0] == 0 {
		digits = digits[1:]
	}
	return append(append(b, byte(len(digits))), digits...)
}

// appendOrderedString appends a string with its bytes 0x00 and 0xff escaped, and an end mark.
func appendOrderedString(b []byte, s string) []byte {
	for i := range len(s) {
		switch b = append(b, s[i]); s[i] {
		case 0x00:
			b = append(b, 0xff)
		case 0xff:
			b = append(b, 0x00)
		}
	}
	return append(b, 0x00, 0x01)
}

// appendOrderedSigned appends a number of n bytes, 7 bits in each, whose top bits are n ones and a zero, all inverted
// where the number is negative.
func appendOrderedSigned(b []byte, v int64) []byte {
	x := uint64(v)
	if v < 0 {
		x = ^x
	}
	n := 1
	for n < 10 && x>>min(7*n-1, 63) != 0 {
		n++
	}
	digits := make([]byte, 2, 10)
	if v < 0 {
		digits[0], digits[1] = 0xff, 0xff
	}
	digits = binary.BigEndian.AppendUint64(digits, uint64(v))[10-n:]
	mark := [2]byte{0xff, 0xff}
	if n < 8 {
		mark[0] = 0xff << (8 - n)
	}
	switch {
	case n <= 8:
		mark[1] = 0
	default:
		mark[1] = 0xff << (16 - n)
	}
	digits[0] ^= mark[0]
	if n > 1 {
		digits[1] ^= mark[1]
	}
	return append(b, digits...)
}
