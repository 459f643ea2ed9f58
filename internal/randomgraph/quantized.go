package randomgraph

import (
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// zeroPoint makes one of a type, a scalar.
func (b *builder) zeroPoint(d tensor.DType) string {
	if d == tensor.Int8 {
		return b.initializer(tensor.Scalar(int8(b.between(-9, 9))), 9).name
	}
	return b.initializer(tensor.Scalar(uint8(b.between(100, 140))), 140).name
}

func quantizeLinear(b *builder) {
	x := b.float(func(v *value) bool { return v.exact && v.bound <= 100 })
	d := oneOf(b, tensor.Uint8, tensor.Int8)
	in := []string{x.name, b.scalar(float32(b.between(1, 4)) / 16)}
	if b.chance(3) {
		d = tensor.Uint8
	} else {
		in = append(in, b.zeroPoint(d))
	}
	b.node("QuantizeLinear", in, nil, &value{dtype: d, shape: x.shape, exact: true, bound: 255})
}

func (b *builder) bytes(rank int) *value {
	if v := b.find(func(v *value) bool {
		return (v.dtype == tensor.Uint8 || v.dtype == tensor.Int8) && v.rank() == rank
	}); v != nil && !b.chance(3) {
		return v
	}
	return b.fresh(tensor.Uint8, b.shape(rank))
}

func dequantizeLinear(b *builder) {
	x := b.bytes(b.between(1, 4))
	if b.opset >= 13 && b.chance(2) {
		axis := b.rng.IntN(x.rank())
		n := x.shape[axis]
		scales := b.initializer(fill(n, []int{n}, func() float32 { return float32(b.between(1, 8)) / 32 }), 1)
		zeros := b.constant(x.dtype, n)
		b.node("DequantizeLinear", []string{x.name, scales.name, zeros.name}, []*onnx.Attribute{onnx.AttrInt("axis", axis)},
			&value{dtype: tensor.Float32, shape: x.shape, exact: true, bound: 128})
		return
	}
	b.node("DequantizeLinear", []string{x.name, b.scalar(0.125), b.zeroPoint(x.dtype)}, nil,
		&value{dtype: tensor.Float32, shape: x.shape, exact: true, bound: 48})
}

func dynamicQuantizeLinear(b *builder) {
	x := b.float(func(v *value) bool { return v.exact && v.bound <= 100 })
	b.node("DynamicQuantizeLinear", []string{x.name}, nil, &value{dtype: tensor.Uint8, shape: x.shape, exact: true, bound: 255},
		rough(x.bound/64, []int{}...), &value{dtype: tensor.Uint8, shape: []int{}, exact: true, bound: 255})
}

func matMulInteger(b *builder) {
	x := b.bytes(2)
	if x.dtype != tensor.Uint8 {
		return
	}
	k, n := x.shape[1], b.between(1, 9)
	d := oneOf(b, tensor.Uint8, tensor.Int8)
	y := b.constant(d, k, n)
	b.node("MatMulInteger", []string{x.name, y.name, b.zeroPoint(x.dtype), b.zeroPoint(d)}, nil,
		&value{dtype: tensor.Int32, shape: []int{x.shape[0], n}, exact: true, bound: 1 << 22})
}

func convInteger(b *builder) {
	x := b.bytes(4)
	if x.dtype != tensor.Uint8 {
		return
	}
	w := b.window(x.shape[2:], true, false)
	m := b.between(1, 4)
	y := b.constant(tensor.Uint8, slices.Concat([]int{m, x.shape[1]}, w.kernel)...)
	b.node("ConvInteger", []string{x.name, y.name, b.zeroPoint(tensor.Uint8), b.zeroPoint(tensor.Uint8)}, w.attrs(),
		&value{dtype: tensor.Int32, shape: slices.Concat([]int{x.shape[0], m}, w.out(x.shape[2:])), exact: true, bound: 1 << 24})
}

// qlinearConv keeps its result away from both ends of the bytes' range by its scales. What an engine rounds another way
// differs by one step, so the result is not exact.
func qlinearConv(b *builder) {
	x := b.bytes(4)
	if x.dtype != tensor.Uint8 {
		return
	}
	w := b.window(x.shape[2:], true, false)
	m := b.between(1, 4)
	y := b.constant(tensor.Int8, slices.Concat([]int{m, x.shape[1]}, w.kernel)...)
	zero := b.initializer(tensor.Scalar(int8(0)), 0).name
	b.node("QLinearConv", []string{x.name, b.scalar(0.0625), b.zeroPoint(tensor.Uint8), y.name, b.scalar(0.03125), zero, b.scalar(2), b.zeroPoint(tensor.Uint8)},
		w.attrs(), &value{dtype: tensor.Uint8, shape: slices.Concat([]int{x.shape[0], m}, w.out(x.shape[2:])), bound: 255})
}

var quantized = []maker{
	{"QuantizeLinear", 10, 0, quantizeLinear},
	{"DequantizeLinear", 10, 0, dequantizeLinear},
	{"DynamicQuantizeLinear", 11, 0, dynamicQuantizeLinear},
	{"MatMulInteger", 10, 0, matMulInteger},
	{"ConvInteger", 10, 0, convInteger},
	{"QLinearConv", 10, 0, qlinearConv},
}
