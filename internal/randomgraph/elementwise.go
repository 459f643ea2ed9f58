package randomgraph

import (
	"math"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// unary makes an operator of one input that keeps the shape. Those that keep exactness do nothing but copy, compare or
// change the sign.
func unary(op string, keeps bool, bound func(x float64) float64, attrs func(b *builder) []*onnx.Attribute) func(*builder) {
	return func(b *builder) {
		x := b.float(any_)
		var a []*onnx.Attribute
		if attrs != nil {
			a = attrs(b)
		}
		b.node(op, []string{x.name}, a, &value{dtype: tensor.Float32, shape: x.shape, exact: keeps && x.exact, bound: bound(x.bound)})
	}
}

// step makes an operator whose result jumps, and so needs an exact input.
func step(op string) func(*builder) {
	return func(b *builder) {
		x := b.float(exact)
		b.node(op, []string{x.name}, nil, &value{dtype: tensor.Float32, shape: x.shape, exact: true, bound: x.bound + 1})
	}
}

// positive makes an operator that wants x ≥ 1/2: |x| + 1/2 goes before it.
func positive(op string, bound func(x float64) float64) func(*builder) {
	return func(b *builder) {
		x := b.float(any_)
		if !b.node("Abs", []string{x.name}, nil, like(x, x.shape...)) {
			return
		}
		abs := b.last()
		if !b.node("Add", []string{abs.name, b.scalar(0.5)}, nil, rough(x.bound+0.5, x.shape...)) {
			return
		}
		b.node(op, []string{b.last().name}, nil, rough(bound(x.bound+0.5), x.shape...))
	}
}

func (b *builder) last() *value { return b.values[len(b.values)-1] }

func same(x float64) float64 { return x }

func at(most float64) func(float64) float64 { return func(float64) float64 { return most } }

func alpha(b *builder) []*onnx.Attribute {
	if b.chance(2) {
		return nil
	}
	return []*onnx.Attribute{onnx.AttrFloat("alpha", float32(b.between(1, 7))/8)}
}

// broadcastPair gives a value and the shape of a partner: the same, or with some axes 1 or left out.
func (b *builder) partner(shape []int) []int {
	s := slices.Clone(shape)
	if b.chance(2) {
		return s
	}
	for i := range s {
		if b.chance(2) {
			s[i] = 1
		}
	}
	if b.chance(3) {
		s = s[b.rng.IntN(len(s)+1):]
	}
	return s
}

// second gives an operand that broadcasts with x: one that is there, or a new one.
func (b *builder) second(x *value, fits func(*value) bool) *value {
	if !b.chance(3) {
		v := b.find(func(v *value) bool {
			_, ok := broadcast(x.shape, v.shape)
			return v.dtype == x.dtype && ok && fits(v)
		})
		if v != nil {
			return v
		}
	}
	return b.fresh(x.dtype, b.partner(x.shape))
}

// broadcast is NumPy's rule (ONNX's docs/Broadcasting.md).
func broadcast(a, c []int) ([]int, bool) {
	if len(a) < len(c) {
		a, c = c, a
	}
	out := slices.Clone(a)
	for i, n := range c {
		j := len(a) - len(c) + i
		switch {
		case a[j] == n || n == 1:
		case a[j] == 1:
			out[j] = n
		default:
			return nil, false
		}
	}
	return out, true
}

// number gives a value that arithmetic may be done with: a float one, or one of two integer types.
func (b *builder) number(fits func(*value) bool) *value {
	if b.chance(4) {
		d := oneOf(b, tensor.Int32, tensor.Int64)
		if v := b.find(func(v *value) bool { return v.dtype == d && v.bound <= 1<<20 && fits(v) }); v != nil {
			return v
		}
		return b.fresh(d, b.shape(b.between(1, 4)))
	}
	return b.float(fits)
}

func arithmetic(op string, bound func(x, y float64) float64) func(*builder) {
	return func(b *builder) {
		x := b.number(any_)
		y := b.second(x, func(v *value) bool { return v.float() || v.bound <= 1<<20 })
		if b.chance(2) {
			x, y = y, x
		}
		shape, _ := broadcast(x.shape, y.shape)
		// A sum or product of two is rounded once, the same way everywhere.
		out := &value{dtype: x.dtype, shape: shape, exact: x.exact && y.exact, bound: bound(x.bound, y.bound)}
		b.node(op, []string{x.name, y.name}, nil, out)
	}
}

// div divides by values that are away from 0.
func div(b *builder) {
	x := b.number(any_)
	var y *value
	if x.float() {
		shape := b.partner(x.shape)
		y = b.initializer(fill(count(shape), shape, func() float32 { return float32(b.between(2, 9)) * oneOf(b, float32(0.5), -0.5) }), 4.5)
	} else {
		shape := b.partner(x.shape)
		if x.dtype == tensor.Int32 {
			y = b.initializer(fill(count(shape), shape, func() int32 { return int32(b.between(1, 5)) }), 5)
		} else {
			y = b.initializer(fill(count(shape), shape, func() int64 { return int64(b.between(1, 5)) }), 5)
		}
	}
	b.node("Div", []string{x.name, y.name}, nil, like(x, x.shape...))
}

func pow(b *builder) {
	x := b.float(func(v *value) bool { return v.bound <= 16 })
	if !b.node("Abs", []string{x.name}, nil, like(x, x.shape...)) {
		return
	}
	abs := b.last()
	b.node("Pow", []string{abs.name, b.scalar(float32(b.between(1, 3)))}, nil, rough(math.Pow(x.bound, 3)+1, x.shape...))
}

// extreme makes Min and Max of one to three operands.
func extreme(op string) func(*builder) {
	return func(b *builder) {
		x := b.float(any_)
		in, shape, ex, bound := []string{x.name}, x.shape, x.exact, x.bound
		for range b.between(0, 2) {
			y := b.second(x, any_)
			s, ok := broadcast(shape, y.shape)
			if !ok {
				continue
			}
			in, shape, ex, bound = append(in, y.name), s, ex && y.exact, max(bound, y.bound)
		}
		b.node(op, in, nil, &value{dtype: x.dtype, shape: shape, exact: ex, bound: bound})
	}
}

func comparison(op string) func(*builder) {
	return func(b *builder) {
		x := b.number(exact)
		y := b.second(x, exact)
		shape, _ := broadcast(x.shape, y.shape)
		b.node(op, []string{x.name, y.name}, nil, &value{dtype: tensor.Bool, shape: shape, exact: true, bound: 1})
	}
}

func (b *builder) boolean() *value {
	if v := b.find(func(v *value) bool { return v.dtype == tensor.Bool }); v != nil && !b.chance(4) {
		return v
	}
	return b.fresh(tensor.Bool, b.shape(b.between(1, 4)))
}

func logical(op string) func(*builder) {
	return func(b *builder) {
		x := b.boolean()
		y := b.second(x, any_)
		shape, _ := broadcast(x.shape, y.shape)
		b.node(op, []string{x.name, y.name}, nil, &value{dtype: tensor.Bool, shape: shape, exact: true, bound: 1})
	}
}

func not(b *builder) {
	x := b.boolean()
	b.node("Not", []string{x.name}, nil, like(x, x.shape...))
}

func where(b *builder) {
	c := b.boolean()
	x := b.fresh(tensor.Float32, b.partner(c.shape))
	y := b.second(x, any_)
	shape, ok := broadcast(x.shape, y.shape)
	if !ok {
		return
	}
	if shape, ok = broadcast(shape, c.shape); !ok {
		return
	}
	b.node("Where", []string{c.name, x.name, y.name}, nil,
		&value{dtype: tensor.Float32, shape: shape, exact: x.exact && y.exact, bound: max(x.bound, y.bound)})
}

func clip(b *builder) {
	x := b.float(any_)
	lo, hi := float32(b.between(-16, 0))/8, float32(b.between(1, 16))/8
	out := like(x, x.shape...)
	if b.opset < 11 {
		b.node("Clip", []string{x.name}, []*onnx.Attribute{onnx.AttrFloat("min", lo), onnx.AttrFloat("max", hi)}, out)
		return
	}
	in := []string{x.name}
	switch b.rng.IntN(3) {
	case 0:
		in = append(in, b.scalar(lo))
	case 1:
		in = append(in, "", b.scalar(hi))
	case 2:
		in = append(in, b.scalar(lo), b.scalar(hi))
	}
	b.node("Clip", in, nil, out)
}

func prelu(b *builder) {
	x := b.float(any_, 2, 3, 4)
	slope := b.constant(tensor.Float32, b.partner(x.shape)...)
	b.node("PRelu", []string{x.name, slope.name}, nil, rough(3*x.bound, x.shape...))
}

func cast(b *builder) {
	from := b.find(func(v *value) bool { return v.exact && v.bound <= 100 })
	if from == nil {
		return
	}
	to := oneOf(b, tensor.Float32, tensor.Int32, tensor.Int64, tensor.Bool, tensor.Int8)
	if to == tensor.Int8 && from.bound > 100 {
		return
	}
	b.node("Cast", []string{from.name}, []*onnx.Attribute{onnx.AttrInt("to", int(to))},
		&value{dtype: to, shape: from.shape, exact: true, bound: from.bound})
}

func dropout(b *builder) {
	x := b.float(any_)
	var a []*onnx.Attribute
	if b.opset < 12 {
		a = append(a, onnx.AttrFloat("ratio", 0.25))
	}
	b.node("Dropout", []string{x.name}, a, like(x, x.shape...))
}

func gelu(b *builder) {
	x := b.float(any_)
	b.node("Gelu", []string{x.name}, []*onnx.Attribute{onnx.AttrString("approximate", oneOf(b, "none", "tanh"))}, rough(x.bound, x.shape...))
}

func exponential(b *builder) {
	x := b.float(func(v *value) bool { return v.bound <= 6 })
	b.node("Exp", []string{x.name}, nil, rough(math.Exp(x.bound), x.shape...))
}

func hardSigmoid(b *builder) []*onnx.Attribute {
	return []*onnx.Attribute{onnx.AttrFloat("alpha", float32(b.between(1, 4))/8), onnx.AttrFloat("beta", float32(b.between(1, 4))/8)}
}

var elementwise = []maker{
	{"Abs", 0, 0, unary("Abs", true, same, nil)},
	{"Neg", 0, 0, unary("Neg", true, same, nil)},
	{"Relu", 0, 0, unary("Relu", true, same, nil)},
	{"Relu", 0, 0, unary("Relu", true, same, nil)},
	{"Sigmoid", 0, 0, unary("Sigmoid", false, at(1), nil)},
	{"Tanh", 0, 0, unary("Tanh", false, at(1), nil)},
	{"Erf", 9, 0, unary("Erf", false, at(1), nil)},
	{"LeakyRelu", 0, 0, unary("LeakyRelu", false, same, alpha)},
	{"HardSigmoid", 0, 0, unary("HardSigmoid", false, at(1), hardSigmoid)},
	{"HardSwish", 14, 0, unary("HardSwish", false, same, nil)},
	{"Gelu", 20, 0, gelu},
	{"Exp", 0, 0, exponential},
	{"Log", 0, 0, positive("Log", func(x float64) float64 { return 1 + math.Log(x+1) })},
	{"Sqrt", 0, 0, positive("Sqrt", math.Sqrt)},
	{"Ceil", 0, 0, step("Ceil")},
	{"Floor", 0, 0, step("Floor")},
	{"Round", 11, 0, step("Round")},
	{"Clip", 0, 0, clip},
	{"PRelu", 0, 0, prelu},
	{"Pow", 0, 0, pow},
	{"Add", 0, 0, arithmetic("Add", func(x, y float64) float64 { return x + y })},
	{"Add", 0, 0, arithmetic("Add", func(x, y float64) float64 { return x + y })},
	{"Sub", 0, 0, arithmetic("Sub", func(x, y float64) float64 { return x + y })},
	{"Mul", 0, 0, arithmetic("Mul", func(x, y float64) float64 { return x * y })},
	{"Div", 0, 0, div},
	{"Min", 0, 0, extreme("Min")},
	{"Max", 0, 0, extreme("Max")},
	{"Equal", 11, 0, comparison("Equal")},
	{"Less", 9, 0, comparison("Less")},
	{"Greater", 9, 0, comparison("Greater")},
	{"LessOrEqual", 12, 0, comparison("LessOrEqual")},
	{"GreaterOrEqual", 12, 0, comparison("GreaterOrEqual")},
	{"And", 0, 0, logical("And")},
	{"Or", 0, 0, logical("Or")},
	{"Not", 0, 0, not},
	{"Where", 9, 0, where},
	{"Cast", 0, 0, cast},
	{"Dropout", 0, 0, dropout},
	{"Identity", 0, 0, unary("Identity", true, same, nil)},
}
