package onnxgo

import (
	"fmt"

	gtensor "gorgonia.org/tensor"

	"autodeeplab/onnx/tensor"
)

// fromGorgonia shares the memory of a dense row-major tensor; one that is a view of another layout is copied first.
func fromGorgonia(t gtensor.Tensor) (*tensor.Tensor, error) {
	d, ok := t.(*gtensor.Dense)
	if !ok {
		return nil, fmt.Errorf("%w: a tensor of Go type %T (a *tensor.Dense is needed)", ErrUnsupported, t)
	}
	if d.RequiresIterator() || d.DataOrder().IsColMajor() || d.DataOrder().IsTransposed() {
		if d, ok = d.Materialize().(*gtensor.Dense); !ok || d.DataOrder().IsColMajor() || d.RequiresIterator() {
			return nil, fmt.Errorf("%w: a tensor that is not row-major; copy it into one that is", ErrUnsupported)
		}
	}
	shape := append([]int{}, d.Shape()...)
	n, err := tensor.NumElems(shape)
	if err != nil {
		return nil, err
	}
	out := &tensor.Tensor{Shape: shape, Data: d.Data()}
	switch v := d.Data().(type) { // a scalar comes as a bare value
	case float32:
		out.Data = []float32{v}
	case float64:
		out.Data = []float64{v}
	case int64:
		out.Data = []int64{v}
	case int32:
		out.Data = []int32{v}
	case uint8:
		out.Data = []uint8{v}
	case int8:
		out.Data = []int8{v}
	case bool:
		out.Data = []bool{v}
	}
	switch out.Data.(type) {
	case []float32:
		out.DType = tensor.Float32
	case []float64:
		out.DType = tensor.Float64
	case []int8:
		out.DType = tensor.Int8
	case []int16:
		out.DType = tensor.Int16
	case []int32:
		out.DType = tensor.Int32
	case []int64:
		out.DType = tensor.Int64
	case []uint8:
		out.DType = tensor.Uint8
	case []uint16:
		out.DType = tensor.Uint16
	case []uint32:
		out.DType = tensor.Uint32
	case []uint64:
		out.DType = tensor.Uint64
	case []bool:
		out.DType = tensor.Bool
	default:
		return nil, fmt.Errorf("%w: elements of Go type %T", ErrUnsupported, out.Data)
	}
	if out.Len() != n {
		return nil, fmt.Errorf("%w: %d elements for shape %s", ErrUnsupported, out.Len(), tensor.FormatShape(shape))
	}
	return out, nil
}

func toGorgonia(t *tensor.Tensor) (gtensor.Tensor, error) {
	if t.NumElems() == 0 {
		return nil, fmt.Errorf("%w: gorgonia's tensors cannot be empty, and this one is %s", ErrUnsupported, t)
	}
	switch t.DType {
	case tensor.Float16, tensor.BFloat16:
		return nil, fmt.Errorf("%w: gorgonia's tensors cannot hold %s", ErrUnsupported, t.DType)
	}
	return gtensor.New(gtensor.WithShape(t.Shape...), gtensor.WithBacking(t.Data)), nil
}
