// Package tensor holds the dense, row-major n-dimensional array that the ONNX model, shape inference and every engine
// pass to one another.
package tensor

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Elem lists the Go types that carry tensor elements. F16 and BF16 hold the bit patterns of the two 16-bit floats.
type Elem interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool | string | F16 | BF16
}

// F16 is the bit pattern of an IEEE 754 binary16 number.
type F16 uint16

// BF16 is the bit pattern of a bfloat16 number (the upper half of a float32).
type BF16 uint16

// Tensor is a dense row-major array. A scalar has an empty, non-nil-or-nil Shape and one element; a Shape with a zero
// has no elements. Data is a slice of the Go type that DTypeOf names for DType, of exactly NumElems elements.
// A Tensor is plain data: sharing one between goroutines is safe as long as none writes to it.
type Tensor struct {
	DType DType
	Shape []int
	Data  any
}

// DTypeOf gives the DType whose elements Go type T carries.
func DTypeOf[T Elem]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case bool:
		return Bool
	case string:
		return String
	case F16:
		return Float16
	case BF16:
		return BFloat16
	}
	return Undefined
}

// ErrSize is wrapped by every error that says a shape is negative, overflows or does not match its data.
var ErrSize = errors.New("bad tensor size")

// NumElems multiplies the dimensions of shape. It is an error wrapping ErrSize if one is negative or the product
// does not fit an int.
func NumElems(shape []int) (int, error) {
	n := 1
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("%w: dimension %d of %v is negative", ErrSize, i, shape)
		}
		if d == 0 {
			n = 0
		}
	}
	if n == 0 {
		return 0, nil
	}
	for _, d := range shape {
		if n > math.MaxInt/d {
			return 0, fmt.Errorf("%w: %v has more elements than an int counts", ErrSize, shape)
		}
		n *= d
	}
	return n, nil
}

// Of wraps data as a tensor of the given shape without copying. It panics if the lengths disagree: it is for data
// whose shape the caller has made itself. Use New for shapes that come from a file.
func Of[T Elem](data []T, shape ...int) *Tensor {
	n, err := NumElems(shape)
	if err != nil || n != len(data) {
		panic(fmt.Sprintf("tensor.Of: %d elements for shape %v", len(data), shape))
	}
	return &Tensor{DType: DTypeOf[T](), Shape: slices.Clone(shape), Data: data}
}

// Scalar is a tensor of rank 0.
func Scalar[T Elem](v T) *Tensor { return Of([]T{v}) }

// New allocates a zeroed tensor. The error wraps ErrSize for an impossible shape, or names a type that a Tensor
// cannot hold.
func New(d DType, shape []int) (*Tensor, error) {
	n, err := NumElems(shape)
	if err != nil {
		return nil, err
	}
	if w := d.Size(); w > 0 && n > math.MaxInt/w {
		return nil, fmt.Errorf("%w: %v has more bytes than an int counts", ErrSize, shape)
	}
	data := makeData(d, n)
	if data == nil {
		return nil, fmt.Errorf("a tensor cannot hold elements of type %s", d)
	}
	return &Tensor{DType: d, Shape: slices.Clone(shape), Data: data}, nil
}

func makeData(d DType, n int) any {
	switch d {
	case Float32:
		return make([]float32, n)
	case Float64:
		return make([]float64, n)
	case Int8:
		return make([]int8, n)
	case Int16:
		return make([]int16, n)
	case Int32:
		return make([]int32, n)
	case Int64:
		return make([]int64, n)
	case Uint8:
		return make([]uint8, n)
	case Uint16:
		return make([]uint16, n)
	case Uint32:
		return make([]uint32, n)
	case Uint64:
		return make([]uint64, n)
	case Bool:
		return make([]bool, n)
	case String:
		return make([]string, n)
	case Float16:
		return make([]F16, n)
	case BFloat16:
		return make([]BF16, n)
	}
	return nil
}

// Data gives the elements of t as a slice of T that shares t's memory, or nil if t holds another type.
func Data[T Elem](t *Tensor) []T {
	if t == nil {
		return nil
	}
	s, _ := t.Data.([]T)
	return s
}

// NumElems counts the elements of t.
func (t *Tensor) NumElems() int {
	n, _ := NumElems(t.Shape)
	return n
}

// Bytes is the memory that t's elements take; strings count only their headers.
func (t *Tensor) Bytes() int {
	if t.DType == String {
		return 16 * t.NumElems()
	}
	return t.DType.Size() * t.NumElems()
}

// Ints reads an integer or boolean tensor as a flat []int. The error names the type if it is something else, or the
// first value that does not fit an int.
func (t *Tensor) Ints() ([]int, error) {
	switch d := t.Data.(type) {
	case []int64:
		return toInts(d), nil
	case []int32:
		return toInts(d), nil
	case []int16:
		return toInts(d), nil
	case []int8:
		return toInts(d), nil
	case []uint8:
		return toInts(d), nil
	case []uint16:
		return toInts(d), nil
	case []uint32:
		return toInts(d), nil
	case []uint64:
		for _, v := range d {
			if v > math.MaxInt {
				return nil, fmt.Errorf("value %d does not fit an int", v)
			}
		}
		return toInts(d), nil
	case []bool:
		out := make([]int, len(d))
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("want an integer tensor, have %s", t.DType)
}

func toInts[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](s []T) []int {
	out := make([]int, len(s))
	for i, v := range s {
		out[i] = int(v)
	}
	return out
}

// String gives type and shape, as in "float[1,3,513,513]"; never the contents.
func (t *Tensor) String() string {
	if t == nil {
		return "<none>"
	}
	return t.DType.String() + FormatShape(t.Shape)
}

// FormatShape writes a shape as "[1,3,513,513]"; a scalar is "[]".
func FormatShape(shape []int) string {
	b := []byte{'['}
	for i, d := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%d", d)
	}
	return string(append(b, ']'))
}
