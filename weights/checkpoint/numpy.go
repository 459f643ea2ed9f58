package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sbinet/npyio/npy"

	"autodeeplab/onnx/tensor"
)

const (
	npyMagic  = "\x93NUMPY"
	npyEnding = ".npy"

	// maxNPYHeader bounds the text before an array's elements. NumPy's own is 118 or so.
	maxNPYHeader = 1 << 14
)

// npyTypes are the types of elements, without the byte order before them.
var npyTypes = map[string]tensor.DType{
	"f2": tensor.Float16, "f4": tensor.Float32, "f8": tensor.Float64, "b1": tensor.Bool,
	"i1": tensor.Int8, "i2": tensor.Int16, "i4": tensor.Int32, "i8": tensor.Int64,
	"u1": tensor.Uint8, "u2": tensor.Uint16, "u4": tensor.Uint32, "u8": tensor.Uint64,
}

// npzTensors lists the arrays of a NumPy archive.
func npzTensors(z *zip.Reader) ([]Tensor, error) {
	var tensors []Tensor
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, npyEnding)
		if !ok {
			continue
		}
		t, err := npyEntry(name, entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Quote(name), err)
		}
		if tensors = append(tensors, t); len(tensors) > MaxTensors {
			break // Read says so
		}
	}
	return tensors, nil
}

func npyEntry(name string, entry *zip.File) (Tensor, error) {
	r, err := entry.Open()
	if err != nil {
		return Tensor{}, fmt.Errorf("in the archive: %w", err)
	}
	defer r.Close()
	t, start, err := npyHeader(name, r)
	if err != nil {
		return t, err
	}
	t.storage = func() ([]byte, error) {
		r, err := entry.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return t.npyElements(r, start)
	}
	return t, nil
}

// npyTensor is the array of a .npy file.
func npyTensor(name string, r io.ReaderAt, size int64) ([]Tensor, error) {
	t, start, err := npyHeader(name, io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	t.storage = func() ([]byte, error) { return t.npyElements(io.NewSectionReader(r, 0, size), start) }
	return []Tensor{t}, nil
}

// npyElements reads the elements of a file whose header is start bytes, to its end: more or fewer than the shape takes
// are an error.
func (t *Tensor) npyElements(r io.Reader, start int64) ([]byte, error) {
	n, err := checkShape(t.Shape)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, start); err != nil {
		return nil, errCutOff
	}
	want := int64(n) * int64(t.DType.Size())
	data, err := io.ReadAll(io.LimitReader(r, want+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes of elements or more, where the shape %s takes %d", len(data), tensor.FormatShape(t.Shape), want)
	}
	return data, nil
}

// npyHeader reads the header of a .npy file and says how long it is.
//
// The library trusts what it reads: it allocates what the header asks for, and indexes past one that is not as expected.
// So lengths are checked before it, and its panics end here.
func npyHeader(name string, r io.Reader) (t Tensor, start int64, err error) {
	defer func() {
		if v := recover(); v != nil {
			t, err = Tensor{}, errors.New("damaged NumPy header")
		}
	}()
	data, err := io.ReadAll(io.LimitReader(r, maxNPYHeader+12))
	if err != nil {
		return t, 0, err
	}
	start, err = npyHeaderLength(data)
	if err != nil {
		return t, 0, err
	}
	header, err := npy.NewReader(bytes.NewReader(data[:start]))
	if err != nil {
		return t, 0, fmt.Errorf("damaged NumPy header: %w", err)
	}
	d := &header.Header.Descr
	t = Tensor{Name: name, Shape: d.Shape, Type: d.Type, bigEndian: strings.HasPrefix(d.Type, ">")}
	t.DType = npyTypes[strings.TrimLeft(d.Type, "<>=|")]
	if _, err := checkShape(t.Shape); err != nil {
		return t, 0, err
	}
	if d.Fortran {
		t.strides = make([]int, len(t.Shape))
		step := 1
		for i, n := range t.Shape {
			t.strides[i], step = step, step*n
		}
	}
	return t, start, nil
}

// npyHeaderLength checks the length that the header says that it has, and gives it with the magic bytes before.
func npyHeaderLength(data []byte) (int64, error) {
	if len(data) < 12 || !bytes.HasPrefix(data, []byte(npyMagic)) {
		return 0, errors.New("cut off in the NumPy header")
	}
	length := int64(binary.LittleEndian.Uint16(data[8:]))
	start := int64(10)
	if major := data[6]; major > 1 {
		length, start = int64(binary.LittleEndian.Uint32(data[8:])), 12
	}
	if length > maxNPYHeader || start+length > int64(len(data)) {
		return 0, fmt.Errorf("a NumPy header of %d bytes, of which %d are there (want at most %d)", length, int64(len(data))-start, maxNPYHeader)
	}
	return start + length, nil
}
