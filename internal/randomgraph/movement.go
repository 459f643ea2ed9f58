package randomgraph

import (
	"math"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// anything gives a value of any type and of a rank from lo to hi.
func (b *builder) anything(lo, hi int) *value {
	v := b.find(func(v *value) bool { return v.rank() >= lo && v.rank() <= hi && !math.IsInf(v.bound, 1) })
	if v == nil || b.chance(4) {
		d := oneOf(b, tensor.Float32, tensor.Float32, tensor.Float32, tensor.Int64, tensor.Int32, tensor.Uint8, tensor.Bool)
		v = b.fresh(d, b.shape(b.between(max(lo, 1), hi)))
	}
	return v
}

// axis gives an axis of a rank, now and then counted from the end where the operator set allows it.
func (b *builder) axis(rank, negativeSince int) (given, real int) {
	real = b.rng.IntN(rank)
	if b.opset >= negativeSince && b.chance(3) {
		return real - rank, real
	}
	return real, real
}

func transpose(b *builder) {
	x := b.anything(1, 5)
	perm := b.rng.Perm(x.rank())
	var a []*onnx.Attribute
	// Without perm axes are reversed. ONNX Runtime 1.30 aborts where the input is a DequantizeLinear's with an axis.
	if b.inputs[x.name] != nil && b.chance(2) {
		for i := range perm {
			perm[i] = x.rank() - 1 - i
		}
	} else {
		a = append(a, onnx.AttrInts("perm", perm...))
	}
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = x.shape[p]
	}
	b.node("Transpose", []string{x.name}, a, like(x, shape...))
}

func reshape(b *builder) {
	x := b.anything(1, 5)
	shape := b.factors(x.elems())
	asked := slices.Clone(shape)
	switch i := b.rng.IntN(len(shape)); b.rng.IntN(3) {
	case 0:
		asked[i] = -1
	case 1:
		if i < x.rank() && x.shape[i] == shape[i] {
			asked[i] = 0
		}
	}
	b.node("Reshape", []string{x.name, b.ints(asked...)}, nil, like(x, shape...))
}

// factors cuts n into one to four factors.
func (b *builder) factors(n int) []int {
	shape := []int{}
	for len(shape) < 3 && (len(shape) == 0 || n > 1) && !b.chance(4) {
		f := 1
		for _, p := range []int{2, 3, 5, 7} {
			if n%p == 0 && b.chance(2) {
				f *= p
				n /= p
			}
		}
		shape = append(shape, f)
	}
	return append(shape, n)
}

func flatten(b *builder) {
	x := b.anything(1, 5)
	axis := b.rng.IntN(x.rank() + 1)
	given := axis
	if b.opset >= 11 && axis < x.rank() && b.chance(3) {
		given -= x.rank()
	}
	b.node("Flatten", []string{x.name}, []*onnx.Attribute{onnx.AttrInt("axis", given)},
		like(x, count(x.shape[:axis]), count(x.shape[axis:])))
}

func squeeze(b *builder) {
	x := b.anything(1, 5)
	var axes, shape []int
	for i, n := range x.shape {
		if n == 1 && !b.chance(3) {
			axes = append(axes, i)
		} else {
			shape = append(shape, n)
		}
	}
	if len(axes) == 0 {
		return
	}
	in, attrs := b.axesAt(13, []string{x.name}, axes)
	b.node("Squeeze", in, attrs, like(x, shape...))
}

// axesAt gives axes as an attribute before an operator set, and as an input from it on.
func (b *builder) axesAt(since int, in []string, axes []int) ([]string, []*onnx.Attribute) {
	if b.opset < since {
		return in, []*onnx.Attribute{onnx.AttrInts("axes", axes...)}
	}
	return append(in, b.ints(axes...)), nil
}

func unsqueeze(b *builder) {
	x := b.anything(0, 4)
	at := b.rng.IntN(x.rank() + 1)
	shape := slices.Insert(slices.Clone(x.shape), at, 1)
	if b.opset >= 11 && b.chance(3) {
		at -= len(shape)
	}
	in, attrs := b.axesAt(13, []string{x.name}, []int{at})
	b.node("Unsqueeze", in, attrs, like(x, shape...))
}

func concat(b *builder) {
	x := b.anything(1, 4)
	given, axis := b.axis(x.rank(), 11)
	in, total, ex, bound := []string{x.name}, x.shape[axis], x.exact, x.bound
	for range b.between(0, 3) {
		y := b.find(func(v *value) bool {
			if v.dtype != x.dtype || v.rank() != x.rank() {
				return false
			}
			for i, n := range v.shape {
				if i != axis && n != x.shape[i] {
					return false
				}
			}
			return true
		})
		if y == nil || b.chance(3) {
			shape := slices.Clone(x.shape)
			shape[axis] = b.between(1, 4)
			y = b.fresh(x.dtype, shape)
		}
		in, total, ex, bound = append(in, y.name), total+y.shape[axis], ex && y.exact, max(bound, y.bound)
	}
	shape := slices.Clone(x.shape)
	shape[axis] = total
	b.node("Concat", in, []*onnx.Attribute{onnx.AttrInt("axis", given)}, &value{dtype: x.dtype, shape: shape, exact: ex, bound: bound})
}

func split(b *builder) {
	x := b.anything(1, 4)
	given, axis := b.axis(x.rank(), 11)
	n := x.shape[axis]
	var parts []int
	for left := n; left > 0; {
		p := b.between(1, left)
		if len(parts) == 2 {
			p = left
		}
		parts = append(parts, p)
		left -= p
	}
	in, attrs := []string{x.name}, []*onnx.Attribute{onnx.AttrInt("axis", given)}
	switch {
	case b.opset < 13:
		attrs = append(attrs, onnx.AttrInts("split", parts...))
	case b.opset >= 18 && b.chance(2):
		// num_outputs: chunks of ⌈n/k⌉, the last one smaller.
		k := len(parts)
		chunk := (n + k - 1) / k
		if (k-1)*chunk >= n {
			return
		}
		for i := range parts {
			parts[i] = min(chunk, n-i*chunk)
		}
		attrs = append(attrs, onnx.AttrInt("num_outputs", k))
	default:
		in = append(in, b.ints(parts...))
	}
	outs := make([]*value, len(parts))
	for i, p := range parts {
		shape := slices.Clone(x.shape)
		shape[axis] = p
		outs[i] = like(x, shape...)
	}
	b.node("Split", in, attrs, outs...)
}

func slice(b *builder) {
	x := b.anything(1, 4)
	shape := slices.Clone(x.shape)
	var starts, ends, axes, steps []int
	for i, n := range x.shape {
		if b.chance(2) {
			continue
		}
		start, end, st := b.between(-n-2, n+1), b.between(-n-2, n+2), 1
		if b.opset >= 10 && b.chance(2) {
			st = oneOf(b, -2, -1, 2, 3)
		}
		if b.chance(6) {
			end = oneOf(b, math.MaxInt32, -math.MaxInt32)
		}
		m := sliced(n, start, end, st)
		if m == 0 {
			continue // empty tensors are not what this is about
		}
		shape[i] = m
		axis := i
		if b.opset >= 11 && b.chance(3) {
			axis -= x.rank()
		}
		starts, ends, axes, steps = append(starts, start), append(ends, end), append(axes, axis), append(steps, st)
	}
	if len(axes) == 0 {
		return
	}
	if b.opset < 10 {
		b.node("Slice", []string{x.name}, []*onnx.Attribute{onnx.AttrInts("starts", starts...), onnx.AttrInts("ends", ends...), onnx.AttrInts("axes", axes...)},
			like(x, shape...))
		return
	}
	b.node("Slice", []string{x.name, b.ints(starts...), b.ints(ends...), b.ints(axes...), b.ints(steps...)}, nil, like(x, shape...))
}

// sliced is how many elements Python's start:end:step takes of n.
func sliced(n, start, end, step int) int {
	clamp := func(v, lo, hi int) int {
		if v < 0 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	if step > 0 {
		s, e := clamp(start, 0, n), clamp(end, 0, n)
		return max(0, (e-s+step-1)/step)
	}
	s, e := clamp(start, -1, n-1), clamp(end, -1, n-1)
	return max(0, (s-e-step-1)/-step)
}

func pad(b *builder) {
	x := b.float(any_, 1, 2, 3, 4)
	modes := []string{"constant", "constant", "reflect", "edge"}
	if b.opset >= 19 {
		modes = append(modes, "wrap")
	}
	mode := modes[b.rng.IntN(len(modes))]
	before, after := make([]int, x.rank()), make([]int, x.rank())
	shape := slices.Clone(x.shape)
	for i, n := range x.shape {
		most := 3
		if mode == "reflect" || mode == "wrap" {
			most = min(3, n-1)
		}
		before[i], after[i] = b.rng.IntN(most+1), b.rng.IntN(most+1)
		if mode == "constant" && n > 2 && b.chance(6) {
			before[i] = -1
		}
		shape[i] += before[i] + after[i]
	}
	pads := append(before, after...)
	attrs := []*onnx.Attribute{onnx.AttrString("mode", mode)}
	out := like(x, shape...)
	if b.opset < 11 {
		attrs = append(attrs, onnx.AttrInts("pads", pads...), onnx.AttrFloat("value", 0.5))
		b.node("Pad", []string{x.name}, attrs, out)
		return
	}
	in := []string{x.name, b.ints(pads...)}
	if mode == "constant" && b.chance(2) {
		in = append(in, b.scalar(0.75))
	}
	b.node("Pad", in, attrs, out)
}

func tile(b *builder) {
	x := b.anything(1, 4)
	repeats, shape := make([]int, x.rank()), slices.Clone(x.shape)
	for i := range repeats {
		repeats[i] = b.between(1, 3)
		shape[i] *= repeats[i]
	}
	if x.dtype == tensor.Int8 {
		return
	}
	b.node("Tile", []string{x.name, b.ints(repeats...)}, nil, like(x, shape...))
}

func expand(b *builder) {
	x := b.anything(1, 4)
	target := b.partner(x.shape)
	for i := range target {
		if j := x.rank() - len(target) + i; x.shape[j] == 1 {
			target[i] = b.between(1, 4)
		}
	}
	if b.chance(3) {
		target = append([]int{b.between(1, 3)}, target...)
	}
	shape, ok := broadcast(x.shape, target)
	if !ok {
		return
	}
	b.node("Expand", []string{x.name, b.ints(target...)}, nil, like(x, shape...))
}

func gather(b *builder) {
	x := b.anything(1, 4)
	given, axis := b.axis(x.rank(), 11)
	n := x.shape[axis]
	lo := 0
	if b.opset >= 11 {
		lo = -n
	}
	idx := b.shape(b.rng.IntN(3))
	indices := b.initializer(fill(count(idx), idx, func() int64 { return int64(b.between(lo, n-1)) }), float64(n))
	shape := slices.Concat(x.shape[:axis], idx, x.shape[axis+1:])
	b.node("Gather", []string{x.name, indices.name}, []*onnx.Attribute{onnx.AttrInt("axis", given)}, like(x, shape...))
}

func depthToSpace(b *builder) {
	r := b.between(2, 3)
	n, c, h, w := b.between(1, 2), b.between(1, 3), b.between(1, 5), b.between(1, 5)
	x := b.fresh(tensor.Float32, []int{n, c * r * r, h, w})
	attrs := []*onnx.Attribute{onnx.AttrInt("blocksize", r)}
	if b.opset >= 11 {
		attrs = append(attrs, onnx.AttrString("mode", oneOf(b, "DCR", "CRD")))
	}
	b.node("DepthToSpace", []string{x.name}, attrs, like(x, n, c, h*r, w*r))
}

func spaceToDepth(b *builder) {
	r := b.between(2, 3)
	n, c, h, w := b.between(1, 2), b.between(1, 3), b.between(1, 4), b.between(1, 4)
	x := b.fresh(tensor.Float32, []int{n, c, h * r, w * r})
	b.node("SpaceToDepth", []string{x.name}, []*onnx.Attribute{onnx.AttrInt("blocksize", r)}, like(x, n, c*r*r, h, w))
}

func shapeOf(b *builder) {
	x := b.anything(1, 5)
	n := x.rank()
	var attrs []*onnx.Attribute
	if b.opset >= 15 && b.chance(2) {
		start := b.rng.IntN(n)
		end := b.between(start+1, n)
		n = end - start
		attrs = []*onnx.Attribute{onnx.AttrInt("start", start), onnx.AttrInt("end", end)}
	}
	b.node("Shape", []string{x.name}, attrs, &value{dtype: tensor.Int64, shape: []int{n}, exact: true, bound: maxElems})
}

func sizeOf(b *builder) {
	x := b.anything(1, 5)
	b.node("Size", []string{x.name}, nil, &value{dtype: tensor.Int64, shape: []int{}, exact: true, bound: maxElems})
}

func constantOfShape(b *builder) {
	shape := b.shape(b.between(1, 3))
	b.node("ConstantOfShape", []string{b.ints(shape...)}, []*onnx.Attribute{onnx.AttrTensor("value", onnx.Encode("", tensor.Of([]float32{1.5}, 1)))},
		&value{dtype: tensor.Float32, shape: shape, exact: true, bound: 1.5})
}

func constant(b *builder) {
	shape := b.shape(b.between(1, 3))
	t, bound := b.random(tensor.Float32, shape)
	b.node("Constant", nil, []*onnx.Attribute{onnx.AttrTensor("value", onnx.Encode("", t))},
		&value{dtype: tensor.Float32, shape: shape, exact: true, bound: bound})
}

func ranged(b *builder) {
	start, n, delta := b.between(-5, 5), b.between(1, 9), oneOf(b, 1, 2, -3)
	scalar := func(v int) string {
		in := b.initializer(tensor.Scalar(int64(v)), math.Inf(1))
		in.used = true
		return in.name
	}
	b.node("Range", []string{scalar(start), scalar(start + n*delta), scalar(delta)}, nil,
		&value{dtype: tensor.Int64, shape: []int{n}, exact: true, bound: 50})
}

var movement = []maker{
	{"Transpose", 0, 0, transpose},
	{"Transpose", 0, 0, transpose},
	{"Reshape", 0, 0, reshape},
	{"Flatten", 9, 0, flatten},
	{"Squeeze", 0, 0, squeeze},
	{"Unsqueeze", 0, 0, unsqueeze},
	{"Concat", 0, 0, concat},
	{"Concat", 0, 0, concat},
	{"Split", 0, 0, split},
	{"Slice", 0, 0, slice},
	{"Pad", 0, 0, pad},
	{"Tile", 0, 0, tile},
	{"Expand", 0, 0, expand},
	{"Gather", 0, 0, gather},
	{"DepthToSpace", 0, 0, depthToSpace},
	{"SpaceToDepth", 0, 0, spaceToDepth},
	{"Shape", 0, 0, shapeOf},
	{"Size", 0, 0, sizeOf},
	{"ConstantOfShape", 9, 0, constantOfShape},
	{"Constant", 0, 0, constant},
	{"Range", 11, 0, ranged},
}
