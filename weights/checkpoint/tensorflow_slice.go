package checkpoint

import (
	"errors"
	"fmt"

	"autodeeplab/onnx/tensor"
)

// tensorSlice is a TensorSliceProto: an extent on each axis.
type tensorSlice []extent

// extent is where a slice lies on an axis: the whole of it where length is wholeAxis.
type extent struct{ start, length int64 }

const wholeAxis = -1

// parseSlice reads a TensorSliceProto.
func parseSlice(data []byte) (tensorSlice, error) {
	var s tensorSlice
	err := message(data, func(f field) error {
		if f.number != 1 {
			return nil
		}
		e := extent{0, wholeAxis}
		err := message(f.bytes, func(f field) error {
			switch f.number {
			case 1:
				e.start = int64(f.value)
			case 2:
				e.length = int64(f.value)
			}
			return nil
		})
		s = append(s, e)
		return err
	})
	return s, err
}

// within gives the slice's start and shape in a tensor of a shape.
func (s tensorSlice) within(shape []int) (start, size []int, err error) {
	if len(s) != len(shape) {
		return nil, nil, fmt.Errorf("a slice of %d axes of a tensor of %d", len(s), len(shape))
	}
	for i, e := range s {
		if e.length == wholeAxis && e.start == 0 {
			e.length = int64(shape[i])
		}
		if e.start < 0 || e.length < 0 || e.start > int64(shape[i]) || e.length > int64(shape[i])-e.start {
			return nil, nil, fmt.Errorf("a slice of %d from %d on, on an axis of %d", e.length, e.start, shape[i])
		}
		start, size = append(start, int(e.start)), append(size, int(e.length))
	}
	return start, size, nil
}

// assemble puts a partitioned tensor together. Its slices must cover it exactly.
func (b *bundle) assemble(name string, e *bundleEntry, width int) ([]byte, error) {
	total, err := checkShape(e.shape)
	if err != nil {
		return nil, err
	}
	type part struct {
		data        []byte
		start, size []int
	}
	var parts []part // read first: memory then grows with what the files hold
	left := total
	for _, s := range e.slices {
		start, size, err := s.within(e.shape)
		if err != nil {
			return nil, err
		}
		entry := b.slices[sliceKey(name, s)]
		if entry == nil {
			return nil, fmt.Errorf("its slice at %v of size %s is not in the index", start, tensor.FormatShape(size))
		}
		n, err := checkShape(size)
		if err != nil {
			return nil, err
		}
		if left -= n; left < 0 {
			break
		}
		data, err := b.elements(entry, n*width)
		if err != nil {
			return nil, fmt.Errorf("its slice at %v: %w", start, err)
		}
		parts = append(parts, part{data, start, size})
	}
	if left != 0 {
		return nil, fmt.Errorf("its %d slices do not cover the shape %s exactly", len(e.slices), tensor.FormatShape(e.shape))
	}
	strides := make([]int, len(e.shape))
	step := 1
	for i := len(e.shape) - 1; i >= 0; i-- {
		strides[i], step = step, step*e.shape[i]
	}
	out := make([]byte, total*width)
	filled := make([]bool, total)
	for _, p := range parts {
		offset, at := 0, 0
		for i, n := range p.start {
			offset += n * strides[i]
		}
		overlap := false
		walk(p.size, strides, offset, func(to int) {
			overlap = overlap || filled[to]
			filled[to] = true
			copy(out[to*width:(to+1)*width], p.data[at:])
			at += width
		})
		if overlap {
			return nil, errors.New("its slices overlap")
		}
	}
	return out, nil
}
