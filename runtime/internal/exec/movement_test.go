package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// movementCase is a fileCase with tensor attributes, as testdata/movement.py writes it.
type movementCase struct {
	fileCase
	Tensors map[string]*fileTensor
}

// TestMovement runs the cases through the shape rule, the binder and the kernel with 1, 2 and 3 threads; then through
// the shape rule with less known, where what it still says must be true.
func TestMovement(t *testing.T) {
	for _, file := range []string{"movement", "movement_random", "movement_nodes"} {
		text, err := os.ReadFile("testdata/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var cases []movementCase
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			t.Run(file+"/"+c.Op+"/"+c.Name, c.run)
		}
	}
}

func (c *movementCase) run(t *testing.T) {
	var in, want []*tensor.Tensor
	for _, f := range c.In {
		in = append(in, f.tensor(t))
	}
	for _, f := range c.Out {
		want = append(want, f.tensor(t))
	}
	n := c.node(t)
	for name, f := range c.Tensors {
		n.Attribute = append(n.Attribute, onnx.AttrTensor(name, onnx.Encode("", f.tensor(t))))
	}
	call := resolve(t, n, c.Opset, constants(in))
	rtol := 0.0
	if c.Op == "Range" {
		rtol = 1e-6 // how to round is not written anywhere
	}
	for i, w := range want {
		if got := call.Out[i]; got.String() != w.String() {
			t.Fatalf("output %d: the shape rule says %s, want %s", i, got.String(), w)
		}
		if v := call.Out[i].Value; v != nil {
			if err := near(v, w, rtol, 0); err != nil {
				t.Errorf("output %d, contents by inference (by %s): %v", i, c.By, err)
			}
		}
	}
	for threads := 1; threads <= 3; threads++ {
		for i, got := range runNode(t, call, in, want, threads) {
			if err := near(got, want[i], rtol, 0); err != nil {
				t.Errorf("output %d with %d threads (by %s): %v", i, threads, c.By, err)
			}
		}
	}
	c.checkPartly(t, n, in, want)
}

// checkPartly runs the shape rule on infos that hide some of the inputs' sizes and contents. Names are given so that
// each stands for one number; whatever the outputs then say, in sizes, names or contents, must fit the full answer.
func (c *movementCase) checkPartly(t *testing.T, n *onnx.Node, in, want []*tensor.Tensor) {
	for hidden := range 32 {
		names := make(map[string]int)
		hide := func(size int) op.Dim {
			if hidden&16 != 0 {
				return op.Named("")
			}
			name := fmt.Sprint("n", size)
			names[name] = size
			return op.Named(name)
		}
		infos := constants(in)
		for i, info := range infos {
			switch {
			case info == nil:
				continue
			case hidden&1 != 0 && i == 0, hidden&4 != 0 && i > 0:
				v := info.Value
				info.Value = nil
				if list, err := v.Ints(); err == nil && len(v.Shape) < 2 && len(list) > 0 && hidden&8 == 0 {
					info.Shape = make([]op.Dim, len(list))
					for k, x := range list {
						info.Shape[k] = op.Named("")
						if x >= 0 && k%2 == 0 {
							info.Shape[k] = op.Known(x)
						} else if x > 0 {
							info.Shape[k] = hide(x)
						}
					}
				}
			}
			if hidden&2 != 0 && i == 0 && info.Value == nil && info.Shape == nil {
				for k := range info.Dims {
					info.Dims[k] = hide(info.Dims[k].Size)
				}
			}
		}
		call := resolve(t, n, c.Opset, infos)
		for i, w := range want {
			got := call.Out[i]
			fail := func() {
				t.Errorf("hiding %b: output %d: the shape rule says %s %v, want %s %v", hidden, i, got.String(), got.Shape, w, brief(numbers(w)))
			}
			if got.DType != w.DType || got.HasRank() && !fitsSizes(got.Dims, w.Shape, names) {
				fail()
			}
			if got.Shape != nil {
				if list, err := w.Ints(); err != nil || !fitsSizes(got.Shape, list, names) {
					fail()
				}
			}
			if got.Value != nil && near(got.Value, w, 1e-6, 0) != nil {
				fail()
			}
		}
	}
}

// fitsSizes reports whether partly known dimensions fit the sizes.
func fitsSizes(dims []op.Dim, sizes []int, names map[string]int) bool {
	return len(dims) == len(sizes) && !slices.ContainsFunc(dims, func(d op.Dim) bool {
		i := slices.Index(dims, d) // equal dimensions stand for equal sizes, so any of them will do
		if d.IsKnown() {
			return d.Size != sizes[i]
		}
		return d.Name != "" && names[d.Name] != sizes[i]
	})
}

// TestMovementStrings runs nodes on strings, which the files cannot hold.
func TestMovementStrings(t *testing.T) {
	x := tensor.Of([]string{"a", "b", "c", "d", "e", "f"}, 2, 3)
	list := func(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }
	for _, c := range []struct {
		op    string
		in    []*tensor.Tensor
		attrs []*onnx.Attribute
		shape []int
		want  string
	}{
		{"Concat", []*tensor.Tensor{x, x}, []*onnx.Attribute{onnx.AttrInt("axis", 1)}, []int{2, 6}, "a b c a b c d e f d e f"},
		{"Transpose", []*tensor.Tensor{x}, nil, []int{3, 2}, "a d b e c f"},
		{"Gather", []*tensor.Tensor{x, list(-1, 0)}, []*onnx.Attribute{onnx.AttrInt("axis", 1)}, []int{2, 2}, "c a f d"},
		{"Slice", []*tensor.Tensor{x, list(2), list(-9), list(1), list(-2)}, nil, []int{2, 2}, "c a f d"},
		{"Pad", []*tensor.Tensor{x, list(0, 1, 1, 0), tensor.Scalar("-")}, nil, []int{3, 4}, "- a b c - d e f - - - -"},
		{"Pad", []*tensor.Tensor{x, list(0, 0, 1, 0)}, nil, []int{3, 3}, "a b c d e f   "},
		{"Reshape", []*tensor.Tensor{x, list(-1)}, nil, []int{6}, "a b c d e f"},
		{"Tile", []*tensor.Tensor{x, list(1, 2)}, nil, []int{2, 6}, "a b c a b c d e f d e f"},
		{"Expand", []*tensor.Tensor{tensor.Of([]string{"x"}, 1), list(3)}, nil, []int{3}, "x x x"},
		{"Identity", []*tensor.Tensor{x}, nil, []int{2, 3}, "a b c d e f"},
		{"Constant", nil, []*onnx.Attribute{onnx.AttrTensor("value", onnx.Encode("", x))}, []int{2, 3}, "a b c d e f"},
	} {
		n := onnx.NewNode(c.op, "", inputNames(c.in), []string{"y"}, c.attrs...)
		call := resolve(t, n, 16, constants(c.in))
		want := tensor.Of(strings.Split(c.want, " "), c.shape...)
		if got := call.Out[0]; got.String() != want.String() {
			t.Errorf("%s: the shape rule says %s, want %s", c.op, got.String(), want)
			continue
		}
		out := tensor.Of(make([]string, want.NumElems()), c.shape...)
		for i := range want.NumElems() {
			out.Data.([]string)[i] = "rubbish"
		}
		if err := runOn(call, c.in, []*tensor.Tensor{out}); err != nil {
			t.Errorf("%s: %v", c.op, err)
			continue
		}
		for by, got := range map[string]*tensor.Tensor{"kernel": out, "inference": call.Out[0].Value} {
			if got != nil && !slices.Equal(got.Data.([]string), want.Data.([]string)) {
				t.Errorf("%s by %s: %q, want %q", c.op, by, got.Data, want.Data)
			}
		}
	}
}

func inputNames(in []*tensor.Tensor) []string {
	names := make([]string, len(in))
	for i, x := range in {
		if x != nil {
			names[i] = fmt.Sprint("i", i)
		}
	}
	return names
}

// runOn binds a call as a session does that knew nothing of the inputs' contents, and runs it.
func runOn(call *op.Call, in, out []*tensor.Tensor) error {
	blind := *call
	blind.In = make([]*op.Info, len(in))
	for i, x := range in {
		if x != nil {
			info := op.Of(x.DType, x.Shape...)
			blind.In[i] = &info
		}
	}
	k, err := Bind(&Node{Name: "n", Call: &blind})
	if err != nil {
		return err
	}
	c := &Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}
	defer c.Pool.Close()
	return k.Run(c, in, out)
}

// TestMovementErrors hands kernels inputs that do not fit the planned output, or that no input may be: each must be an
// error that says what is wrong, not a panic.
func TestMovementErrors(t *testing.T) {
	x := tensor.Of(make([]float32, 6), 2, 3)
	list := func(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }
	axis1 := onnx.AttrInt("axis", 1)
	for _, c := range []struct {
		op    string
		in    []*tensor.Tensor
		attrs []*onnx.Attribute
		out   []int
		want  string
	}{
		{"Gather", []*tensor.Tensor{x, list(0, 3)}, []*onnx.Attribute{axis1}, []int{2, 2}, "index #1 is 3, want -3 to 2"},
		{"Gather", []*tensor.Tensor{x, tensor.Of([]int32{math.MinInt32}, 1)}, []*onnx.Attribute{axis1}, []int{2, 1}, "want -3 to 2"},
		{"Slice", []*tensor.Tensor{x, list(0), list(1), list(7)}, nil, []int{1, 3}, "is 7, want -2 to 1"},
		{"Slice", []*tensor.Tensor{x, list(0), list(1), list(0), list(0)}, nil, []int{1, 3}, "steps other than 0"},
		{"Slice", []*tensor.Tensor{x, list(0), list(2)}, nil, []int{1, 3}, "ask for 6 elements"},
		{"Slice", []*tensor.Tensor{x, list(0, 1), list(2)}, nil, []int{1, 3}, "has 1 elements, but"},
		{"Pad", []*tensor.Tensor{x, list(1, 1)}, nil, []int{3, 4}, "has 2 elements, want 4"},
		{"Pad", []*tensor.Tensor{x, list(1, 1, 0, math.MaxInt64)}, nil, []int{3, 4}, "over the limit"},
		{"Pad", []*tensor.Tensor{x, list(1, 1, 0, 1)}, nil, []int{3, 4}, "do not take axis 1"},
		{"Reshape", []*tensor.Tensor{x, list(7)}, nil, []int{6}, "does not reshape to [7]"},
		{"Reshape", []*tensor.Tensor{x, list(3, 0)}, nil, []int{3, 2}, "does not reshape to [3 0]"},
		{"Expand", []*tensor.Tensor{x, list(3, 3)}, nil, []int{3, 3}, "does not broadcast"},
		{"Expand", []*tensor.Tensor{x, list(-1, 3)}, nil, []int{2, 3}, "does not broadcast"},
		{"Tile", []*tensor.Tensor{x, list(-1, -1)}, nil, []int{2, 3}, "ask for"},
		{"Tile", []*tensor.Tensor{x, list(math.MaxInt64, 2)}, nil, []int{2, 3}, "ask for"},
	} {
		n := onnx.NewNode(c.op, "", inputNames(c.in), []string{"y"}, c.attrs...)
		call, err := op.Resolve(n, 18, nil, &op.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		call.Out = make([]op.Info, 1)
		out, _ := tensor.New(tensor.Float32, c.out)
		if err := runOn(call, c.in, []*tensor.Tensor{out}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want …%s…", c.op, c.out, err, c.want)
		}
	}
}

// TestSplitUnnamed leaves an output without a name, whose tensor is nil.
func TestSplitUnnamed(t *testing.T) {
	in := []*tensor.Tensor{tensor.Of([]int64{1, 2, 3, 4, 5}, 5), tensor.Of([]int64{2, 1, 2}, 3)}
	n := onnx.NewNode("Split", "", inputNames(in), []string{"a", "", "c"})
	call := resolve(t, n, 13, constants(in))
	out := []*tensor.Tensor{tensor.Of(make([]int64, 2), 2), nil, tensor.Of(make([]int64, 2), 2)}
	if err := runOn(call, in, out); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out[0].Data, out[2].Data); got != "[1 2] [4 5]" {
		t.Errorf("%s, want [1 2] [4 5]", got)
	}
}

// FuzzMovement runs one node with hostile parameters. Where the shape rule accepts it, the kernel must agree with the
// contents that inference folds, which go another way; and nothing may panic.
func FuzzMovement(f *testing.F) {
	for i, v := range []int64{0, 1, -1, 5, math.MaxInt64, math.MinInt64, math.MaxInt32} {
		for kind := range uint8(8) {
			f.Add(kind, uint8(i), uint8(3), uint8(2), v, int64(2), -v, int64(1))
		}
	}
	f.Fuzz(func(t *testing.T, kind, flags, d0, d1 uint8, a, b, c, d int64) {
		shape := []int{int(d0 % 6), int(d1 % 6)}
		data := make([]int64, shape[0]*shape[1])
		for i := range data {
			data[i] = int64(i * 3)
		}
		x := tensor.Of(data, shape...)
		list := func(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }
		axis := int(flags%5) - 2
		var n *onnx.Node
		var in []*tensor.Tensor
		outs := []string{"y"}
		switch kind % 8 {
		case 0:
			in = []*tensor.Tensor{x, list(a, b), list(c, d), list(0, 1), list(d, int64(flags)-3)}
			n = onnx.NewNode("Slice", "", inputNames(in), outs)
		case 1:
			in = []*tensor.Tensor{x, list(a, b, d)}
			n = onnx.NewNode("Gather", "", inputNames(in), outs, onnx.AttrInt("axis", axis))
		case 2:
			in = []*tensor.Tensor{x, list(a, b, c, d)}
			mode := []string{"constant", "reflect", "edge", "wrap"}[flags%4]
			n = onnx.NewNode("Pad", "", inputNames(in), outs, onnx.AttrString("mode", mode))
		case 3:
			in = []*tensor.Tensor{x, list(a, b)}
			n = onnx.NewNode("Reshape", "", inputNames(in), outs, onnx.AttrInt("allowzero", int(flags%2)))
		case 4:
			in = []*tensor.Tensor{x, list(a, b, c)}
			n = onnx.NewNode("Expand", "", inputNames(in), outs)
		case 5:
			in = []*tensor.Tensor{x, list(a, b)}
			n = onnx.NewNode("Tile", "", inputNames(in), outs)
		case 6:
			in = []*tensor.Tensor{tensor.Scalar(a), tensor.Scalar(b), tensor.Scalar(c)}
			n = onnx.NewNode("Range", "", inputNames(in), outs)
		case 7:
			in, outs = []*tensor.Tensor{x, list(a, b)}, []string{"y", "z"}
			n = onnx.NewNode("Split", "", inputNames(in), outs, onnx.AttrInt("axis", axis))
		}
		limits := op.Limits{MaxElems: 1 << 12, MaxFold: 1 << 12, MaxDims: 8}
		call, err := op.Resolve(n, 19, constants(in), &limits)
		if err != nil {
			t.Fatal(err)
		}
		if op.Infer(call) != nil {
			return
		}
		out := make([]*tensor.Tensor, len(outs))
		for i := range out {
			sizes, ok := call.Out[i].Sizes()
			if !ok {
				t.Fatalf("%s: the output's shape %s is open, though all inputs are known", n.GetOpType(), call.Out[i].String())
			}
			if out[i], err = tensor.New(tensor.Int64, sizes); err != nil {
				t.Fatal(err)
			}
		}
		if err := runOn(call, in, out); err != nil {
			t.Fatalf("%s: the shape rule accepts what the kernel refuses: %v", n.GetOpType(), err)
		}
		for i := range out {
			if v := call.Out[i].Value; v != nil && !slices.Equal(v.Data.([]int64), out[i].Data.([]int64)) {
				t.Fatalf("%s: the kernel makes %v, inference %v", n.GetOpType(), out[i].Data, v.Data)
			}
		}
	})
}
