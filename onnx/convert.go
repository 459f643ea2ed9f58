package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// ErrTensor is wrapped by every error about a TensorProto whose dimensions, type and data disagree.
var ErrTensor = errors.New("bad tensor")

// Inspect gives the type and shape of a TensorProto, with all of Decode's checks, but allocates nothing for its elements.
func Inspect(t *TensorPB) (d tensor.DType, shape []int, err error) {
	fail := func(format string, args ...any) (tensor.DType, []int, error) {
		return 0, nil, fmt.Errorf("%w %q: %s", ErrTensor, t.GetName(), fmt.Sprintf(format, args...))
	}
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		return fail("its data is in an external file that has not been loaded")
	}
	shape = make([]int, len(t.GetDims()))
	for i, d := range t.GetDims() {
		if d < 0 || d > math.MaxInt {
			return fail("dimension %d is %d, want 0 or more", i, d)
		}
		shape[i] = int(d)
	}
	n, err := tensor.NumElems(shape)
	if err != nil {
		return fail("%v", err)
	}
	d = tensor.DType(t.GetDataType())
	switch {
	case d == tensor.Undefined:
		return fail("it has no element type")
	case d.Size() == 0 && d != tensor.String:
		return fail("elements of type %s are not supported", d)
	}
	if used, several := dataField(t); several || n == 0 && used != "" {
		return fail("dimensions %s want %d elements in one field, but %s holds data too", tensor.FormatShape(shape), n, used)
	}
	if have, field := storedElems(t, d); have < 0 {
		return fail("%s is no whole number of elements of type %s", field, d)
	} else if have != n {
		return fail("dimensions %s want %d elements, %s holds %d", tensor.FormatShape(shape), n, field, have)
	}
	return d, shape, nil
}

// Decode reads a TensorProto (onnx.proto: dims, data_type, raw_data or the typed fields) into Go slices, checking that
// dimensions are not negative, do not overflow, and agree with the amount of data before anything is allocated.
// Data kept in an external file must have been brought in by Load before.
func Decode(t *TensorPB) (*tensor.Tensor, error) {
	d, shape, err := Inspect(t)
	if err != nil {
		return nil, err
	}
	out, err := tensor.New(d, shape)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %v", ErrTensor, t.GetName(), err)
	}
	if raw := t.GetRawData(); len(raw) > 0 {
		decodeRaw(out.Data, raw)
		return out, nil
	}
	switch dst := out.Data.(type) {
	case []float32:
		copy(dst, t.GetFloatData())
	case []float64:
		copy(dst, t.GetDoubleData())
	case []int64:
		copy(dst, t.GetInt64Data())
	case []uint64:
		copy(dst, t.GetUint64Data())
	case []uint32:
		narrow(dst, t.GetUint64Data())
	case []int32:
		copy(dst, t.GetInt32Data())
	case []int16:
		narrow(dst, t.GetInt32Data())
	case []int8:
		narrow(dst, t.GetInt32Data())
	case []uint16:
		narrow(dst, t.GetInt32Data())
	case []uint8:
		narrow(dst, t.GetInt32Data())
	case []tensor.F16:
		narrow(dst, t.GetInt32Data())
	case []tensor.BF16:
		narrow(dst, t.GetInt32Data())
	case []bool:
		for i, v := range t.GetInt32Data() {
			dst[i] = v != 0
		}
	case []string:
		for i, v := range t.GetStringData() {
			dst[i] = string(v)
		}
	}
	return out, nil
}

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func narrow[D, S integer](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}

// storedElems counts the elements that t carries and names the field that carries them; a raw_data whose length is no
// multiple of the element width counts as -1.
func storedElems(t *TensorPB, d tensor.DType) (int, string) {
	if raw := t.GetRawData(); len(raw) > 0 {
		w := d.Size()
		if w == 0 || len(raw)%w != 0 {
			return -1, fmt.Sprintf("raw_data of %d bytes", len(raw))
		}
		return len(raw) / w, "raw_data"
	}
	switch d {
	case tensor.Float32:
		return len(t.GetFloatData()), "float_data"
	case tensor.Float64:
		return len(t.GetDoubleData()), "double_data"
	case tensor.Int64:
		return len(t.GetInt64Data()), "int64_data"
	case tensor.Uint64, tensor.Uint32:
		return len(t.GetUint64Data()), "uint64_data"
	case tensor.String:
		return len(t.GetStringData()), "string_data"
	}
	return len(t.GetInt32Data()), "int32_data"
}

func decodeRaw(dst any, raw []byte) {
	le := binary.LittleEndian
	switch d := dst.(type) {
	case []float32:
		for i := range d {
			d[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case []float64:
		for i := range d {
			d[i] = math.Float64frombits(le.Uint64(raw[8*i:]))
		}
	case []int64:
		for i := range d {
			d[i] = int64(le.Uint64(raw[8*i:]))
		}
	case []uint64:
		for i := range d {
			d[i] = le.Uint64(raw[8*i:])
		}
	case []int32:
		for i := range d {
			d[i] = int32(le.Uint32(raw[4*i:]))
		}
	case []uint32:
		for i := range d {
			d[i] = le.Uint32(raw[4*i:])
		}
	case []int16:
		raw16(d, raw)
	case []uint16:
		raw16(d, raw)
	case []tensor.F16:
		raw16(d, raw)
	case []tensor.BF16:
		raw16(d, raw)
	case []uint8:
		copy(d, raw)
	case []int8:
		narrow(d, raw)
	case []bool:
		for i := range d {
			d[i] = raw[i] != 0
		}
	}
}

func raw16[T ~int16 | ~uint16](dst []T, raw []byte) {
	for i := range dst {
		dst[i] = T(binary.LittleEndian.Uint16(raw[2*i:]))
	}
}

// Encode writes t as a TensorProto with little-endian raw_data (strings as string_data).
func Encode(name string, t *tensor.Tensor) *TensorPB {
	p := &TensorPB{Name: name, DataType: int32(t.DType), Dims: make([]int64, len(t.Shape))}
	for i, d := range t.Shape {
		p.Dims[i] = int64(d)
	}
	if s, ok := t.Data.([]string); ok {
		for _, v := range s {
			p.StringData = append(p.StringData, []byte(v))
		}
		return p
	}
	raw, err := binary.Append(make([]byte, 0, t.Bytes()), binary.LittleEndian, t.Data)
	if err != nil {
		panic(fmt.Sprintf("onnx.Encode: %v", err)) // unreachable: every Elem but string has a fixed width
	}
	p.RawData = raw
	return p
}
