package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// textCase is one node with inputs and outputs, as testdata/elementwise.py writes it.
type textCase struct {
	Op      string
	Opset   int
	Attrs   map[string]any
	In, Out []*string
	By      string
	Tol     float64
}

// textTensor reads "float[2,3] 1 2.5 nan -0 …", or "string[2] " and a JSON list.
func textTensor(t *testing.T, s *string) *tensor.Tensor {
	if s == nil {
		return nil
	}
	head, list, _ := strings.Cut(*s, " ")
	name, dims, _ := strings.Cut(strings.TrimSuffix(head, "]"), "[")
	d, ok := tensor.ParseDType(name)
	shape := []int{}
	for _, f := range strings.FieldsFunc(dims, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		shape = append(shape, n)
	}
	x, err := tensor.New(d, shape)
	if !ok || err != nil {
		t.Fatalf("%s: %v", head, err)
	}
	if strs, ok := x.Data.([]string); ok {
		if err := json.Unmarshal([]byte(list), &strs); err != nil || len(strs) != x.NumElems() {
			t.Fatalf("%s: %v", *s, err)
		}
		x.Data = strs
		return x
	}
	fields := strings.Fields(list)
	if len(fields) != x.NumElems() {
		t.Fatalf("%s: %d elements", *s, len(fields))
	}
	for i, f := range fields {
		v := reflect.ValueOf(x.Data).Index(i)
		switch e := v.Interface().(type) {
		case bool:
			v.SetBool(f == "1")
		case tensor.F16, tensor.BF16:
			w, err := strconv.ParseFloat(f, 64)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := e.(tensor.F16); ok {
				v.SetUint(uint64(tensor.ToF16(float32(w))))
			} else {
				v.SetUint(uint64(tensor.ToBF16(float32(w))))
			}
		default:
			if _, err := fmt.Sscan(f, v.Addr().Interface()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return x
}

// TestElementwise runs the cases through the shape rule, the binder and the kernel, with 1, 2 and 3 threads, which must
// agree to the bit. The shape rule must fold the same contents, or none.
func TestElementwise(t *testing.T) {
	for _, file := range []string{"unary", "binary", "others", "cast", "quantize"} {
		text, err := os.ReadFile("testdata/elementwise_" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var cases []textCase
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			t.Run(fmt.Sprintf("%s/%s/%d", file, c.Op, i), c.run)
		}
	}
}

func (c *textCase) run(t *testing.T) {
	f := fileCase{Op: c.Op, Opset: c.Opset, Attrs: c.Attrs}
	var in, want []*tensor.Tensor
	for _, s := range c.In {
		x := textTensor(t, s)
		in = append(in, x)
		if x == nil {
			f.In = append(f.In, nil)
		} else {
			f.In = append(f.In, &fileTensor{})
		}
	}
	for _, s := range c.Out {
		want = append(want, textTensor(t, s))
		f.Out = append(f.Out, &fileTensor{})
	}
	n := f.node(t)
	call := resolve(t, n, c.Opset, constants(in))
	f.checkUnknown(t, n, in, want)
	var first []*tensor.Tensor
	for threads := 1; threads <= 3; threads++ {
		got := runNode(t, call, in, want, threads)
		if first == nil {
			first = got
			for i, w := range want {
				if err := within(got[i], w, c.Tol); err != nil {
					t.Errorf("%v of %s: output %d (by %s): %v", c.Attrs, texts(c.In), i, c.By, err)
				}
			}
		}
		for i := range got {
			if !sameBits(got[i], first[i]) {
				t.Errorf("output %d differs between 1 and %d threads", i, threads)
			}
		}
	}
	for i := range want {
		if folded := call.Out[i].Value; folded != nil {
			if err := within(folded, first[i], 0); err != nil {
				t.Errorf("what the shape rule folds differs from what the kernel computes: %v", err)
			}
		}
	}
}

func texts(list []*string) string {
	var out []string
	for _, s := range list {
		if s == nil {
			out = append(out, "none")
		} else {
			out = append(out, *s)
		}
	}
	return strings.Join(out, "; ")
}

// within compares two tensors: exactly if tol is 0 (with zeros of either sign equal), else floats to a relative tol or
// an absolute tol/10.
func within(got, want *tensor.Tensor, tol float64) error {
	if got.String() != want.String() {
		return fmt.Errorf("have %s, want %s", got, want)
	}
	if !want.DType.IsFloat() {
		if !reflect.DeepEqual(got.Data, want.Data) {
			return fmt.Errorf("have %v, want %v", got.Data, want.Data)
		}
		return nil
	}
	a, b := floats[float64](got), floats[float64](want)
	for i := range a {
		if a[i] == b[i] || a[i] != a[i] && b[i] != b[i] {
			continue
		}
		if !(math.Abs(a[i]-b[i]) <= tol/10+tol*math.Abs(b[i])) {
			return fmt.Errorf("element %d: have %v, want %v", i, a[i], b[i])
		}
	}
	return nil
}

// TestElementTypes binds every element-wise operator, at every opset, for every element type that its schema allows.
// What the runtime refuses is listed.
func TestElementTypes(t *testing.T) {
	refused := map[string]bool{}
	for _, d := range []string{"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"} {
		refused["Erf "+d] = true // opset 9 to 12 only; no engine does it
	}
	bound := 0
	for _, name := range []string{
		"Relu", "LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Gelu", "Erf", "Abs", "Neg", "Sqrt", "Exp", "Log",
		"Floor", "Ceil", "Round", "Not", "PRelu", "Clip", "Dropout", "Add", "Sub", "Mul", "Div", "Pow", "Equal", "Greater",
		"GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Min", "Max", "Where", "Cast", "QuantizeLinear", "DequantizeLinear",
		"DynamicQuantizeLinear",
	} {
		for opset := op.OldestOpset; opset <= op.NewestOpset; opset++ {
			schema, err := op.Lookup("", name, opset)
			if err != nil {
				continue
			}
			main := 0
			if name == "Where" {
				main = 1
			}
			p, _ := schema.Input(main)
			for d := tensor.Undefined; d <= tensor.BFloat16; d++ {
				if _, err := tensor.New(d, nil); err != nil || !p.Types.Has(d) {
					continue
				}
				in := make([]*tensor.Tensor, max(schema.MinInputs, 1))
				for i := range in {
					q, _ := schema.Input(i)
					kind := d
					if q.TypeVar != p.TypeVar && !q.Types.Has(d) {
						for kind = 1; !q.Types.Has(kind); kind++ {
						}
					}
					in[i], _ = tensor.New(kind, nil)
				}
				var attrs []*onnx.Attribute
				if name == "Cast" {
					attrs = append(attrs, onnx.AttrInt("to", int(tensor.Float32)))
				}
				_, err := Bind(&Node{Name: "n", Call: node(t, name, opset, in, schema.MinOutputs, attrs...)})
				if want := refused[name+" "+d.String()]; (err != nil) != want {
					t.Errorf("%s-%d of %s: %v", name, opset, d, err)
				}
				bound++
			}
		}
	}
	if bound < 3000 {
		t.Errorf("%d combinations tried", bound)
	}
}

// TestElementwiseRefusals lists what is refused, when a node is bound or when it runs, and how.
func TestElementwiseRefusals(t *testing.T) {
	scalar := func(v float32) *tensor.Tensor { return tensor.Scalar(v) }
	ints := func(v ...int32) *tensor.Tensor { return tensor.Of(v, len(v)) }
	words := func(v ...string) *tensor.Tensor { return tensor.Of(v, len(v)) }
	to := func(d tensor.DType) []*onnx.Attribute { return []*onnx.Attribute{onnx.AttrInt("to", int(d))} }
	for _, test := range []struct {
		op    string
		opset int
		attrs []*onnx.Attribute
		in    []*tensor.Tensor
		want  string
	}{
		{"Div", 14, nil, []*tensor.Tensor{ints(4, 5, 6), ints(1, 0, 2)}, "element 1 of the divisor int32[3] is 0"},
		{"Div", 14, nil, []*tensor.Tensor{tensor.Of([]uint64{4}, 1), tensor.Of([]uint64{0}, 1)}, "element 0 of the divisor uint64[1] is 0"},
		{"Pow", 15, nil, []*tensor.Tensor{ints(4, 0), ints(-1)}, "a negative power of 0"},
		{"Pow", 15, nil, []*tensor.Tensor{ints(4), tensor.Of([]uint64{1 << 63}, 1)}, "exponent: value 9223372036854775808"},
		{"Erf", 9, nil, []*tensor.Tensor{ints(1)}, `input "input" of type int32 is not supported`},
		{"Gelu", 20, []*onnx.Attribute{onnx.AttrString("approximate", "sinh")}, []*tensor.Tensor{scalar(1)}, `attribute approximate is "sinh", want none or tanh`},
		{"Dropout", 13, nil, []*tensor.Tensor{scalar(1), scalar(0.5), tensor.Scalar(true)}, `input "training_mode" is true`},
		{"Dropout", 13, nil, []*tensor.Tensor{scalar(1), nil, tensor.Scalar(true)}, `input "training_mode" is true`},
		{"Cast", 13, to(tensor.Float32), []*tensor.Tensor{words("1", "one")}, `element 1 is "one", want a number`},
		{"Cast", 13, to(tensor.Int8), []*tensor.Tensor{words("")}, `element 0 is "", want a number`},
	} {
		t.Run(test.op, func(t *testing.T) {
			call := node(t, test.op, test.opset, test.in, 1, test.attrs...)
			k, err := Bind(&Node{Name: "n", Call: call})
			if err == nil {
				shape, _ := call.Out[0].Sizes()
				out, _ := tensor.New(call.Out[0].DType, shape)
				err = k.Run(&Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, test.in, []*tensor.Tensor{out})
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error with %q", err, test.want)
			}
		})
	}
	// Known only at run time, it might be training.
	open := &op.Info{DType: tensor.Bool, Dims: []op.Dim{}}
	x, one := op.Of(tensor.Float32, 3), op.Const(scalar(0.5))
	call := resolve(t, onnx.NewNode("Dropout", "n", []string{"a", "b", "c"}, []string{"o"}), 13, []*op.Info{&x, &one, open})
	if _, err := Bind(&Node{Name: "n", Call: call}); err == nil || !strings.Contains(err.Error(), "known only at run time") {
		t.Errorf("Dropout whose mode is open: %v", err)
	}
}

// TestLateShapes binds nodes of which little is known, and runs them on inputs that do not fit together: an error, not a
// wrong answer.
func TestLateShapes(t *testing.T) {
	f := func(shape ...int) *tensor.Tensor { return seq(tensor.Float32, shape...) }
	for _, test := range []struct {
		op  string
		in  []*tensor.Tensor
		out *tensor.Tensor
	}{
		{"Add", []*tensor.Tensor{f(3), f(2)}, f(3)}, {"Add", []*tensor.Tensor{f(3), f(4)}, f(3)}, {"Less", []*tensor.Tensor{f(2, 3), f(3)}, seq(tensor.Bool, 3)},
		{"Pow", []*tensor.Tensor{f(3), f(2)}, f(3)}, {"PRelu", []*tensor.Tensor{f(3), f(2, 3)}, f(3)}, {"Max", []*tensor.Tensor{f(3), f(3), f(2)}, f(3)},
		{"Where", []*tensor.Tensor{seq(tensor.Bool, 2), f(3), f(3)}, f(3)}, {"Clip", []*tensor.Tensor{f(3), f(2)}, f(3)},
		{"QuantizeLinear", []*tensor.Tensor{f(2, 3), f(4)}, seq(tensor.Uint8, 2, 3)},
		{"DequantizeLinear", []*tensor.Tensor{seq(tensor.Uint8, 2, 3), f(3), seq(tensor.Uint8, 2)}, f(2, 3)},
	} {
		infos := make([]*op.Info, len(test.in))
		names := make([]string, len(test.in))
		for i, x := range test.in {
			infos[i], names[i] = &op.Info{DType: x.DType}, "i"
		}
		call := resolve(t, onnx.NewNode(test.op, "n", names, []string{"o"}), 16, infos)
		k, err := Bind(&Node{Name: "n", Call: call})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(&Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, test.in, []*tensor.Tensor{test.out}); err == nil {
			t.Errorf("%s accepts %v for %v", test.op, test.in, test.out)
		}
	}
}
