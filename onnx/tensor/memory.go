package tensor

import (
	"fmt"
	"unsafe"
)

// Len counts the elements that t.Data really holds; a well-formed tensor has as many as its shape says. It is -1 for
// Data that is no slice of an Elem.
func (t *Tensor) Len() int {
	switch d := t.Data.(type) {
	case []float32:
		return len(d)
	case []float64:
		return len(d)
	case []int8:
		return len(d)
	case []int16:
		return len(d)
	case []int32:
		return len(d)
	case []int64:
		return len(d)
	case []uint8:
		return len(d)
	case []uint16:
		return len(d)
	case []uint32:
		return len(d)
	case []uint64:
		return len(d)
	case []bool:
		return len(d)
	case []string:
		return len(d)
	case []F16:
		return len(d)
	case []BF16:
		return len(d)
	}
	return -1
}

// Clone copies t, contents and all.
func (t *Tensor) Clone() *Tensor {
	c, err := New(t.DType, t.Shape)
	if err != nil {
		panic(fmt.Sprintf("tensor.Clone of %s: %v", t, err)) // unreachable for a well-formed t
	}
	switch d := c.Data.(type) {
	case []float32:
		copy(d, Data[float32](t))
	case []float64:
		copy(d, Data[float64](t))
	case []int8:
		copy(d, Data[int8](t))
	case []int16:
		copy(d, Data[int16](t))
	case []int32:
		copy(d, Data[int32](t))
	case []int64:
		copy(d, Data[int64](t))
	case []uint8:
		copy(d, Data[uint8](t))
	case []uint16:
		copy(d, Data[uint16](t))
	case []uint32:
		copy(d, Data[uint32](t))
	case []uint64:
		copy(d, Data[uint64](t))
	case []bool:
		copy(d, Data[bool](t))
	case []string:
		copy(d, Data[string](t))
	case []F16:
		copy(d, Data[F16](t))
	case []BF16:
		copy(d, Data[BF16](t))
	}
	return c
}

// View lays a tensor over memory that the caller keeps: the first bytes of b, which must be aligned for d and long
// enough. The type must have a fixed width.
func View(b []byte, d DType, shape []int) (*Tensor, error) {
	n, err := NumElems(shape)
	if err != nil {
		return nil, err
	}
	if w := d.Size(); w == 0 || n > len(b)/w {
		return nil, fmt.Errorf("%w: %s%s does not fit %d bytes", ErrSize, d, FormatShape(shape), len(b))
	}
	t := &Tensor{DType: d, Shape: append([]int{}, shape...)}
	p := unsafe.Pointer(unsafe.SliceData(b))
	switch d {
	case Float32:
		t.Data = unsafe.Slice((*float32)(p), n)
	case Float64:
		t.Data = unsafe.Slice((*float64)(p), n)
	case Int8:
		t.Data = unsafe.Slice((*int8)(p), n)
	case Int16:
		t.Data = unsafe.Slice((*int16)(p), n)
	case Int32:
		t.Data = unsafe.Slice((*int32)(p), n)
	case Int64:
		t.Data = unsafe.Slice((*int64)(p), n)
	case Uint8:
		t.Data = unsafe.Slice((*uint8)(p), n)
	case Uint16:
		t.Data = unsafe.Slice((*uint16)(p), n)
	case Uint32:
		t.Data = unsafe.Slice((*uint32)(p), n)
	case Uint64:
		t.Data = unsafe.Slice((*uint64)(p), n)
	case Bool:
		t.Data = unsafe.Slice((*bool)(p), n)
	case Float16:
		t.Data = unsafe.Slice((*F16)(p), n)
	case BFloat16:
		t.Data = unsafe.Slice((*BF16)(p), n)
	default:
		return nil, fmt.Errorf("a tensor cannot hold elements of type %s", d)
	}
	return t, nil
}
