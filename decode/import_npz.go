package decode

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sbinet/npyio/npy"
)

const (
	npyMagic  = "\x93NUMPY"
	npyEnding = ".npy"

	// maxNPYHeader bounds the text before an array's elements. NumPy's own is 118 or so.
	maxNPYHeader = 1 << 14
	// maxNPYBytes bounds a whole array's file.
	maxNPYBytes = maxNPYHeader + 8*maxArrayElements
)

// npzArrays lists the arrays of a NumPy archive.
func npzArrays(z *zip.Reader) ([]array, error) {
	var arrays []array
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, npyEnding)
		if !ok {
			continue
		}
		arrays = append(arrays, array{name, func() (*dense, error) {
			data, err := readEntry(entry, int64(maxNPYBytes))
			if err != nil {
				return nil, err
			}
			return parseNPY(data)
		}})
	}
	return arrays, nil
}

// npyArray is the array of a .npy file.
func npyArray(name string, r io.Reader) (array, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(maxNPYBytes)+1))
	if err != nil {
		return array{}, err
	}
	return array{name, func() (*dense, error) { return parseNPY(data) }}, nil
}

// parseNPY parses a .npy file of floating-point numbers.
//
// The library trusts what it reads: it allocates what the header asks for, takes missing elements for zero, and indexes
// past a header that is not as expected. So sizes are checked before it, and its panics end here.
func parseNPY(data []byte) (d *dense, err error) {
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, errors.New("damaged NumPy header")
		}
	}()
	if len(data) > maxNPYBytes {
		return nil, errors.New("larger than any α or β")
	}
	if err := checkNPYHeader(data); err != nil {
		return nil, err
	}
	body := bytes.NewReader(data)
	r, err := npy.NewReader(body)
	if err != nil {
		return nil, fmt.Errorf("damaged NumPy header: %w", err)
	}
	h := &r.Header.Descr
	n, err := elements(h.Shape)
	if err != nil {
		return nil, err
	}
	width := 0
	switch strings.TrimLeft(h.Type, "<>=|") {
	case "f4":
		width = 4
	case "f8":
		width = 8
	default:
		return nil, fmt.Errorf("elements of type %s (want f4 or f8, float32 or float64)", quote(h.Type))
	}
	if body.Len() != n*width {
		return nil, fmt.Errorf("%d bytes of elements, where the shape %d takes %d", body.Len(), h.Shape, n*width)
	}
	values := make([]float64, n)
	if width == 8 {
		err = r.Read(&values)
	} else {
		single := make([]float32, n)
		err = r.Read(&single)
		for i, v := range single {
			values[i] = float64(v)
		}
	}
	if err != nil {
		return nil, err
	}
	if h.Fortran {
		strides := make([]int, len(h.Shape))
		step := 1
		for i, n := range h.Shape {
			strides[i], step = step, step*n
		}
		values = gather(h.Shape, strides, func(i int) float64 { return values[i] })
	}
	return &dense{shape: h.Shape, data: values}, nil
}

// checkNPYHeader checks the length that the header says that it has.
func checkNPYHeader(data []byte) error {
	if len(data) < 12 {
		return errors.New("cut off in the NumPy header")
	}
	length := int64(binary.LittleEndian.Uint16(data[8:]))
	start := int64(10)
	if major := data[6]; major > 1 {
		length, start = int64(binary.LittleEndian.Uint32(data[8:])), 12
	}
	if length > maxNPYHeader || start+length > int64(len(data)) {
		return fmt.Errorf("a NumPy header of %d bytes in a file of %d", length, len(data))
	}
	return nil
}

// gather reads a strided array in row-major order.
func gather(shape, strides []int, at func(i int) float64) []float64 {
	out := []float64{}
	var walk func(axis, offset int)
	walk = func(axis, offset int) {
		if axis == len(shape) {
			out = append(out, at(offset))
			return
		}
		for i := range shape[axis] {
			walk(axis+1, offset+i*strides[axis])
		}
	}
	walk(0, 0)
	return out
}
