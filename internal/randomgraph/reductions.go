package randomgraph

import (
	"math"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// reduce makes an operator that reduces some axes; axes are an input from an operator set on.
func reduce(op string, inputSince int) func(*builder) {
	return func(b *builder) {
		x := b.float(any_)
		keep := b.chance(2)
		var axes, shape []int
		for i, n := range x.shape {
			switch {
			case b.chance(2):
				axis := i
				if b.opset >= 11 && b.chance(3) {
					axis -= x.rank()
				}
				axes = append(axes, axis)
				if keep {
					shape = append(shape, 1)
				}
			default:
				shape = append(shape, n)
			}
		}
		in, attrs := []string{x.name}, []*onnx.Attribute{}
		if len(axes) == 0 { // none named: all of them
			shape = nil
			if keep {
				shape = slices.Repeat([]int{1}, x.rank())
			}
		} else {
			in, attrs = b.axesAt(inputSince, in, axes)
		}
		k := 0
		if keep {
			k = 1
		}
		attrs = append(attrs, onnx.AttrInt("keepdims", k))
		if shape == nil {
			shape = []int{}
		}
		bound := x.bound
		if op == "ReduceSum" {
			bound *= float64(x.elems())
		}
		out := rough(bound, shape...)
		out.exact = x.exact && (op == "ReduceMax" || op == "ReduceMin")
		b.node(op, in, attrs, out)
	}
}

func argReduce(op string) func(*builder) {
	return func(b *builder) {
		x := b.float(func(v *value) bool { return v.exact && v.rank() > 0 })
		given, axis := b.axis(x.rank(), 11)
		shape := slices.Clone(x.shape)
		shape[axis] = 1
		attrs := []*onnx.Attribute{onnx.AttrInt("axis", given)}
		if b.chance(2) {
			attrs = append(attrs, onnx.AttrInt("keepdims", 0))
			shape = slices.Delete(shape, axis, axis+1)
		}
		if b.opset >= 12 && b.chance(2) {
			attrs = append(attrs, onnx.AttrInt("select_last_index", 1))
		}
		b.node(op, []string{x.name}, attrs, &value{dtype: tensor.Int64, shape: shape, exact: true, bound: 9})
	}
}

func topK(b *builder) {
	x := b.float(func(v *value) bool { return v.exact && v.rank() > 0 })
	given, axis := b.axis(x.rank(), 11)
	k := b.between(1, x.shape[axis])
	shape := slices.Clone(x.shape)
	shape[axis] = k
	attrs := []*onnx.Attribute{onnx.AttrInt("axis", given)}
	if b.opset >= 11 {
		attrs = append(attrs, onnx.AttrInt("largest", b.rng.IntN(2)), onnx.AttrInt("sorted", 1))
	}
	b.node("TopK", []string{x.name, b.ints(k)}, attrs, like(x, shape...), &value{dtype: tensor.Int64, shape: shape, exact: true, bound: 9})
}

func softmax(op string, bound float64) func(*builder) {
	return func(b *builder) {
		x := b.float(func(v *value) bool { return v.bound <= 50 && v.rank() > 0 })
		given, _ := b.axis(x.rank(), 11)
		b.node(op, []string{x.name}, []*onnx.Attribute{onnx.AttrInt("axis", given)}, rough(bound+x.bound, x.shape...))
	}
}

func batchNormalization(b *builder) {
	x := b.image(any_)
	c := x.shape[1]
	variance := b.initializer(fill(c, []int{c}, func() float32 { return float32(b.between(2, 16)) / 8 }), 2)
	in := []string{x.name, b.constant(tensor.Float32, c).name, b.constant(tensor.Float32, c).name, b.constant(tensor.Float32, c).name, variance.name}
	b.node("BatchNormalization", in, nil, rough(6*(x.bound+3)+3, x.shape...))
}

func instanceNormalization(b *builder) {
	x := b.image(any_)
	c := x.shape[1]
	b.node("InstanceNormalization", []string{x.name, b.constant(tensor.Float32, c).name, b.constant(tensor.Float32, c).name},
		[]*onnx.Attribute{onnx.AttrFloat("epsilon", 0.05)}, rough(3*math.Sqrt(float64(x.elems()))+3, x.shape...))
}

func layerNormalization(b *builder) {
	x := b.float(any_, 2, 3, 4)
	axis := b.rng.IntN(x.rank())
	rest := x.shape[axis:]
	in := []string{x.name, b.constant(tensor.Float32, rest...).name}
	if b.chance(2) {
		in = append(in, b.constant(tensor.Float32, rest...).name)
	}
	b.node("LayerNormalization", in, []*onnx.Attribute{onnx.AttrInt("axis", axis), onnx.AttrFloat("epsilon", 0.05)},
		rough(3*math.Sqrt(float64(count(rest)))+3, x.shape...))
}

func matMul(b *builder) {
	x := b.float(any_, 2, 3, 4)
	k, n := x.shape[x.rank()-1], b.between(1, 9)
	batch := x.shape[:x.rank()-2]
	other := b.partner(batch)
	y := b.fresh(tensor.Float32, slices.Concat(other, []int{k, n}))
	lead, ok := broadcast(batch, other)
	if !ok {
		return
	}
	b.node("MatMul", []string{x.name, y.name}, nil, rough(x.bound*y.bound*float64(k), slices.Concat(lead, []int{x.shape[x.rank()-2], n})...))
}

func gemm(b *builder) {
	x := b.float(any_, 2)
	m, k, n := x.shape[0], x.shape[1], b.between(1, 9)
	attrs := []*onnx.Attribute{onnx.AttrFloat("alpha", 0.5), onnx.AttrFloat("beta", 1.5)}
	if b.chance(2) {
		m, k = k, m
		attrs = append(attrs, onnx.AttrInt("transA", 1))
	}
	shape := []int{k, n}
	if b.chance(2) {
		shape = []int{n, k}
		attrs = append(attrs, onnx.AttrInt("transB", 1))
	}
	in := []string{x.name, b.fresh(tensor.Float32, shape).name}
	if b.opset < 11 || b.chance(2) {
		in = append(in, b.fresh(tensor.Float32, b.partner([]int{m, n})).name)
	}
	b.node("Gemm", in, attrs, rough(3*x.bound*float64(k)+5, m, n))
}

var reductions = []maker{
	{"ReduceMean", 0, 0, reduce("ReduceMean", 18)},
	{"ReduceMax", 0, 0, reduce("ReduceMax", 18)},
	{"ReduceMin", 0, 0, reduce("ReduceMin", 18)},
	{"ReduceSum", 0, 0, reduce("ReduceSum", 13)},
	{"ArgMax", 0, 0, argReduce("ArgMax")},
	{"ArgMin", 0, 0, argReduce("ArgMin")},
	{"TopK", 10, 0, topK},
	{"Softmax", 0, 0, softmax("Softmax", 1)},
	{"LogSoftmax", 0, 0, softmax("LogSoftmax", 60)},
	{"BatchNormalization", 9, 0, batchNormalization},
	{"InstanceNormalization", 0, 0, instanceNormalization},
	{"LayerNormalization", 17, 0, layerNormalization},
	{"MatMul", 0, 0, matMul},
	{"Gemm", 9, 0, gemm},
}
