package op

import (
	"fmt"
	"math"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestFold computes contents at inference: of a constant all elements, else as far as they are known.
func TestFold(t *testing.T) {
	n, h := Named("N"), Named("H")
	ints, floats, partial := windowInts, windowFloats, windowPartial
	one := func(v int64) *tensor.Tensor { return tensor.Scalar(v) }
	bools := func(v ...bool) *tensor.Tensor { return tensor.Of(v, len(v)) }
	to := func(d tensor.DType) windowAttrs { return windowAttrs{onnx.AttrInt("to", int(d))} }
	int32s := func(v ...int32) *tensor.Tensor { return tensor.Of(v, len(v)) }
	uint8s := func(v ...uint8) *tensor.Tensor { return tensor.Of(v, len(v)) }
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		op    string
		opset int
		attrs windowAttrs
		in    []any
		want  string // elements as Go prints them; ? is unknown; "" if nothing is known
	}{
		{"Add", 14, nil, []any{ints(1, -2), ints(10)}, "[11 8]"},
		{"Add", 14, nil, []any{partial(n, Known(3)), ints(0, 1)}, "[N 4]"},
		{"Add", 14, nil, []any{one(0), partial(n, h)}, "[N H]"},
		{"Add", 14, nil, []any{partial(n, Known(3)), ints(-3)}, "[? 0]"},
		{"Add", 14, nil, []any{ints(math.MaxInt64), ints(1)}, ""},
		{"Add", 14, nil, []any{int32s(math.MaxInt32), int32s(1)}, ""},
		{"Add", 14, nil, []any{uint8s(250), uint8s(5)}, "[255]"},
		{"Add", 14, nil, []any{uint8s(250), uint8s(6)}, ""},
		{"Add", 14, nil, []any{tensor.Of([]int64{1, 2, 3, 4}, 2, 2), tensor.Of([]int64{10, 20}, 2, 1)}, "[11 12 23 24]"},
		{"Sub", 14, nil, []any{partial(n, Known(3)), ints(0, 4)}, "[N ?]"},
		{"Sub", 14, nil, []any{ints(3), ints(4)}, "[-1]"},
		{"Sub", 14, nil, []any{uint8s(3), uint8s(4)}, ""},
		{"Sub", 14, nil, []any{ints(math.MinInt64), ints(1)}, ""},
		{"Mul", 14, nil, []any{partial(n, Known(3)), ints(1, 2)}, "[N 6]"},
		{"Mul", 14, nil, []any{partial(n, h), ints(0, 2)}, "[0 ?]"},
		{"Mul", 14, nil, []any{ints(1 << 32), ints(1 << 31)}, ""},
		{"Mul", 14, nil, []any{ints(math.MinInt64), ints(-1)}, ""},
		{"Div", 14, nil, []any{ints(7, -7, 9), ints(2, 2, -2)}, "[3 -3 -4]"},
		{"Div", 14, nil, []any{partial(n, Known(9)), ints(1, 2)}, "[N 4]"},
		{"Div", 14, nil, []any{ints(7), ints(0)}, ""},
		{"Div", 14, nil, []any{ints(math.MinInt64), ints(-1)}, ""},
		{"Min", 13, nil, []any{ints(4, 5), ints(5, 4), one(9)}, "[4 4]"},
		{"Min", 13, nil, []any{partial(n, h), ints(0, 7)}, "[0 ?]"},
		{"Min", 13, nil, []any{partial(n, h), partial(n, n)}, "[N ?]"},
		{"Max", 13, nil, []any{partial(n, Known(2)), ints(0, 7)}, "[N 7]"},
		{"Max", 13, nil, []any{ints(-1, 1), partial(n, h)}, "[N ?]"},
		{"Max", 13, nil, []any{partial(n, Named("")), partial(n, Named(""))}, "[N ?]"},
		{"Neg", 13, nil, []any{ints(1, -2, 0)}, "[-1 2 0]"},
		{"Neg", 13, nil, []any{partial(n, Known(2))}, ""}, // a dimension cannot be negative
		{"Neg", 13, nil, []any{ints(math.MinInt64)}, ""},
		{"Abs", 13, nil, []any{ints(1, -2)}, "[1 2]"},
		{"Abs", 13, nil, []any{partial(n, Named(""), Known(1))}, "[N ? 1]"},
		{"Abs", 13, nil, []any{tensor.Of([]int8{-128}, 1)}, ""},
		{"Relu", 14, nil, []any{ints(1, -2)}, "[1 0]"},
		{"Relu", 14, nil, []any{partial(n, Known(1))}, "[N 1]"},
		{"Not", 7, nil, []any{bools(true, false)}, "[false true]"},
		{"Equal", 13, nil, []any{ints(1, 2), ints(1, 3)}, "[true false]"},
		{"Equal", 13, nil, []any{partial(n, Known(3)), ints(-1, -1)}, "[false false]"},
		{"Equal", 13, nil, []any{partial(n, Known(3)), ints(1, 3)}, ""},
		{"Equal", 13, nil, []any{partial(Named(""), Known(3)), ints(-1, -1)}, ""}, // it may have been computed, and be −1
		{"Equal", 13, nil, []any{partial(n, Known(3)), partial(n, Known(3))}, "[true true]"},
		{"Equal", 13, nil, []any{bools(true, false), bools(true, true)}, "[true false]"},
		{"Less", 13, nil, []any{ints(1, 2, 3), ints(2)}, "[true false false]"},
		{"Less", 13, nil, []any{partial(n, n), ints(0, -5)}, "[false false]"},
		{"Less", 13, nil, []any{partial(n, h), partial(n, n)}, ""},
		{"Greater", 13, nil, []any{ints(1, 2, 3), ints(2)}, "[false false true]"},
		{"Greater", 13, nil, []any{partial(n), ints(-1)}, "[true]"},
		{"GreaterOrEqual", 16, nil, []any{ints(1, 2, 3), ints(2)}, "[false true true]"},
		{"GreaterOrEqual", 16, nil, []any{partial(n), ints(0)}, "[true]"},
		{"LessOrEqual", 16, nil, []any{ints(1, 2, 3), ints(2)}, "[true true false]"},
		{"And", 7, nil, []any{bools(true, true, false, false), bools(true, false, true, false)}, "[true false false false]"},
		{"Or", 7, nil, []any{bools(true, true, false, false), bools(true, false, true, false)}, "[true true true false]"},
		{"Where", 16, nil, []any{bools(true, false), ints(1, 2), partial(n, h)}, "[1 H]"},
		{"Where", 16, nil, []any{"bool[2]", partial(n, Known(2)), partial(n, Known(2))}, ""}, // nothing is known of the condition
		{"Where", 16, nil, []any{bools(true, false), ints(1, 2), ints(3)}, "[1 3]"},
		{"Where", 16, nil, []any{bools(true, false), bools(true), bools(true, false)}, "[true false]"},
		{"Cast", 13, to(tensor.Int32), []any{ints(5, -1)}, "[5 -1]"},
		{"Cast", 13, to(tensor.Int32), []any{partial(n, Known(3))}, "[N 3]"},
		{"Cast", 13, to(tensor.Int32), []any{ints(1 << 31)}, ""},
		{"Cast", 13, to(tensor.Int8), []any{partial(n, Known(3))}, "[? 3]"},
		{"Cast", 13, to(tensor.Bool), []any{ints(0, 5, -1)}, "[false true true]"},
		{"Cast", 13, to(tensor.Int64), []any{bools(true, false)}, "[1 0]"},
		{"Cast", 13, to(tensor.Float32), []any{ints(5, 1<<24+1)}, "[5 1.6777216e+07]"},
		{"Cast", 13, to(tensor.Int64), []any{floats(2.9, -2.9)}, "[2 -2]"},
		{"Cast", 13, to(tensor.Int64), []any{floats(2.9, inf)}, "[2 ?]"},
		{"Cast", 13, to(tensor.Int64), []any{floats(1e30)}, ""},
		{"Cast", 13, to(tensor.Uint8), []any{floats(-1)}, ""},
		{"Clip", 13, nil, []any{ints(-5, 5, 50), one(0), one(9)}, "[0 5 9]"},
		{"Clip", 13, nil, []any{ints(-5, 5), nil, ints(0)}, "[-5 0]"},
		{"Clip", 13, nil, []any{ints(5), one(9), one(0)}, "[0]"},
		{"Clip", 13, nil, []any{partial(n, Known(50)), one(0)}, "[N 50]"},
		{"Dropout", 13, nil, []any{floats(1, 2)}, "[1 2]"},
		{"Dropout", 13, nil, []any{floats(1, 2), nil, bools()}, "error"},
		{"Mul", 14, nil, []any{floats(3, 0.1), floats(0.5)}, "[1.5 0.05]"},
		{"Add", 14, nil, []any{floats(0.1), floats(0.2)}, "[0.3]"},
		{"Div", 14, nil, []any{floats(1, -1, 2), floats(0, 0, 3)}, "[+Inf -Inf 0.6666667]"},
		{"Min", 13, nil, []any{floats(1, 5), floats(2), floats(3)}, "[1 2]"},
		{"Floor", 13, nil, []any{floats(1.5, -1.5)}, "[1 -2]"},
		{"Ceil", 13, nil, []any{floats(1.5, -1.5)}, "[2 -1]"},
		{"Round", 11, nil, []any{floats(1.5, 2.5)}, "[2 2]"},
		{"Sqrt", 13, nil, []any{floats(2)}, "[1.4142135]"},
		{"Neg", 13, nil, []any{floats(2)}, "[-2]"},
		{"Abs", 13, nil, []any{floats(-2)}, "[2]"},
	} {
		names := make([]string, len(c.in))
		infos := make([]*Info, len(c.in))
		for i, x := range c.in {
			names[i] = "i"
			switch x := x.(type) {
			case *tensor.Tensor:
				infos[i] = windowConst(x)
			case Info:
				infos[i] = &x
			case string:
				infos[i] = windowInfo(t, x)
			default:
				names[i] = ""
			}
		}
		call, err := Resolve(onnx.NewNode(c.op, "n", names, []string{"o"}, c.attrs...), c.opset, infos, &DefaultLimits)
		if err == nil {
			err = Infer(call)
		}
		if err != nil {
			if c.want != "error" {
				t.Errorf("%s of %v: %v", c.op, c.in, err)
			}
			continue
		}
		if got := contentsText(&call.Out[0]); got != c.want {
			t.Errorf("%s of %v: %s, want %s", c.op, describe(infos), got, c.want)
		}
	}
}

// contentsText prints what is known of a tensor's contents.
func contentsText(i *Info) string {
	switch {
	case i.Value != nil:
		return fmt.Sprint(i.Value.Data)
	case i.Shape != nil:
		return fmt.Sprint(i.Shape)
	}
	return ""
}

func describe(infos []*Info) []string {
	var out []string
	for _, i := range infos {
		if i == nil {
			out = append(out, "none")
		} else {
			out = append(out, i.String()+" "+contentsText(i))
		}
	}
	return out
}

// TestArithmeticLimit leaves alone what is larger than the limit.
func TestArithmeticLimit(t *testing.T) {
	x := windowConst(tensor.Of(make([]int64, 100), 100))
	row := windowConst(tensor.Of(make([]int64, 50), 50, 1))
	for _, c := range []struct {
		limit int
		in    []*Info
		want  bool
	}{
		{100, []*Info{x, x}, true}, {99, []*Info{x, x}, false}, {100, []*Info{row, windowConst(tensor.Of(make([]int64, 3), 3))}, false},
		{150, []*Info{row, windowConst(tensor.Of(make([]int64, 3), 3))}, true},
	} {
		limits := DefaultLimits
		limits.MaxFold = c.limit
		call, err := Resolve(onnx.NewNode("Add", "n", []string{"a", "b"}, []string{"o"}), 14, c.in, &limits)
		if err != nil {
			t.Fatal(err)
		}
		if err := Infer(call); err != nil {
			t.Fatal(err)
		}
		if got := call.Out[0].Value != nil; got != c.want {
			t.Errorf("%v with a limit of %d: folded %v", describe(c.in)[0][:10], c.limit, got)
		}
	}
}

// TestAlignedGrid is the shape arithmetic of a model whose sizes are (n − 1)·2 + 1.
func TestAlignedGrid(t *testing.T) {
	step := func(name string, a, b *Info) *Info {
		call, err := Resolve(onnx.NewNode(name, "n", []string{"a", "b"}, []string{"o"}), 14, []*Info{a, b}, &DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if err := Infer(call); err != nil {
			t.Fatal(err)
		}
		return &call.Out[0]
	}
	sizes := windowPartial(Known(33), Named("W"))
	one, two := windowConst(tensor.Scalar(int64(1))), windowConst(tensor.Scalar(int64(2)))
	out := step("Add", step("Mul", step("Sub", &sizes, one), two), one)
	if got := contentsText(out); got != "[65 ?]" {
		t.Errorf("(n − 1)·2 + 1 of [33 W] is %s", got)
	}
}

// FuzzFold feeds the arithmetic rules hostile numbers and shapes: they may refuse, but must neither panic nor record
// contents that do not fit the output's shape, or that wrap around.
func FuzzFold(f *testing.F) {
	f.Add(uint8(0), int64(1), int64(2), int64(3), uint8(1), uint8(2))
	f.Add(uint8(3), int64(math.MinInt64), int64(-1), int64(0), uint8(0), uint8(9))
	f.Add(uint8(2), int64(math.MaxInt64), int64(math.MinInt64), int64(-1), uint8(3), uint8(0))
	f.Add(uint8(14), int64(1<<40), int64(-1<<40), int64(1), uint8(200), uint8(77))
	names := []string{"Add", "Sub", "Mul", "Div", "Min", "Max", "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Neg", "Abs", "Relu", "Cast", "Where", "Clip"}
	f.Fuzz(func(t *testing.T, which uint8, a, b, c int64, left, right uint8) {
		name := names[int(which)%len(names)]
		sides := []*Info{
			windowConst(windowInts(a, b)), windowConst(tensor.Scalar(c)), windowConst(tensor.Of([]int64{a, b}, 2, 1)), windowConst(windowInts()),
			{DType: tensor.Int64, Dims: []Dim{Known(2)}, Shape: []Dim{Named("N"), Known(int(max(a, 0)))}},
			{DType: tensor.Int64, Dims: []Dim{}, Shape: []Dim{Named("")}}, {DType: tensor.Int64}, {DType: tensor.Int64, Dims: []Dim{Named("N")}},
		}
		x, y := sides[int(left)%len(sides)], sides[int(right)%len(sides)]
		in, inputs := []*Info{x, y}, []string{"a", "b"}
		var attrs windowAttrs
		switch name {
		case "Neg", "Abs", "Relu":
			in, inputs = in[:1], inputs[:1]
		case "Cast":
			in, inputs = in[:1], inputs[:1]
			attrs = windowAttrs{onnx.AttrInt("to", int(right%17))}
		case "Where":
			in, inputs = []*Info{{DType: tensor.Bool, Dims: []Dim{Known(2)}, Value: tensor.Of([]bool{a > 0, b > 0}, 2)}, x, y}, []string{"c", "a", "b"}
		}
		call, err := Resolve(onnx.NewNode(name, "n", inputs, []string{"o"}, attrs...), 16, in, &DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if err := Infer(call); err != nil {
			return
		}
		out := &call.Out[0]
		if v := out.Value; v != nil {
			if got := Const(v); v.Len() != v.NumElems() || got.String() != out.String() {
				t.Errorf("%s: %s is folded to %s", name, out, v)
			}
		}
		if out.Shape != nil && listLen(out) != len(out.Shape) {
			t.Errorf("%s: %s has %d elements", name, out, len(out.Shape))
		}
	})
}
