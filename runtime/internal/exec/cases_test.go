package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// fileCase is one node with inputs and outputs, as testdata/windowed.py writes it.
type fileCase struct {
	Name       string
	Op         string
	Opset      int
	Attrs      map[string]any
	In, Out    []*fileTensor
	By         string
	RTol, ATol float64
}

type fileTensor struct {
	T string
	S []int
	R *int64
	D []any
}

// tensor makes the tensor that f describes: the listed contents, or the ramp of a seed.
func (f *fileTensor) tensor(t *testing.T) *tensor.Tensor {
	if f == nil {
		return nil
	}
	d, ok := tensor.ParseDType(f.T)
	x, err := tensor.New(d, f.S)
	if !ok || err != nil {
		t.Fatalf("type %s: %v", f.T, err)
	}
	v := make([]float64, x.NumElems())
	for i := range v {
		switch {
		case f.R != nil:
			v[i] = float64((int64(i)*37 + 11**f.R) % 64)
			if d.IsFloat() {
				v[i] = v[i]/8 - 4
			}
		default:
			v[i] = numberOf(t, f.D[i])
		}
	}
	storeFloats(x, v)
	return x
}

func numberOf(t *testing.T, v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case string:
		switch v {
		case "nan":
			return math.NaN()
		case "inf":
			return math.Inf(1)
		case "-inf":
			return math.Inf(-1)
		}
	}
	t.Fatalf("%v is no number", v)
	return 0
}

// node makes the ONNX node of a case; JSON's numbers become integers or floats as the schema wants.
func (c *fileCase) node(t *testing.T) *onnx.Node {
	schema, err := op.Lookup("", c.Op, c.Opset)
	if err != nil {
		t.Fatal(err)
	}
	var attrs []*onnx.Attribute
	for name, v := range c.Attrs {
		formal, _ := schema.Attr(name)
		switch formal.Kind {
		case op.Int:
			attrs = append(attrs, onnx.AttrInt(name, int(v.(float64))))
		case op.Float:
			attrs = append(attrs, onnx.AttrFloat(name, float32(v.(float64))))
		case op.String:
			attrs = append(attrs, onnx.AttrString(name, v.(string)))
		case op.Ints:
			var list []int
			for _, x := range v.([]any) {
				list = append(list, int(x.(float64)))
			}
			attrs = append(attrs, onnx.AttrInts(name, list...))
		case op.Floats:
			var list []float32
			for _, x := range v.([]any) {
				list = append(list, float32(x.(float64)))
			}
			attrs = append(attrs, onnx.AttrFloats(name, list...))
		default:
			t.Fatalf("attribute %s", name)
		}
	}
	var in, out []string
	for i, x := range c.In {
		if x == nil {
			in = append(in, "")
		} else {
			in = append(in, fmt.Sprint("i", i))
		}
	}
	for i := range c.Out {
		out = append(out, fmt.Sprint("o", i))
	}
	return onnx.NewNode(c.Op, c.Name, in, out, attrs...)
}

// TestCases runs every case of the files through the shape rule, the binder and the kernel, with 1, 2 and 3 threads,
// which must agree to the bit.
func TestCases(t *testing.T) {
	for _, file := range []string{"resize_nearest", "resize_linear", "resize_cubic", "pool", "norm", "rows", "nodetests"} {
		text, err := os.ReadFile("testdata/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var cases []fileCase
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if c.RTol == 0 {
				c.RTol, c.ATol = 2e-6, 2e-6 // the inputs are below 64, and weights add up to 1
				if file == "resize_cubic" {
					c.RTol, c.ATol = 5e-6, 5e-6 // ONNX Runtime's weights cancel in float32
				}
			}
			t.Run(file+"/"+c.Op+"/"+c.Name, c.run)
		}
	}
}

func (c *fileCase) run(t *testing.T) {
	var in, want []*tensor.Tensor
	for _, f := range c.In {
		in = append(in, f.tensor(t))
	}
	for _, f := range c.Out {
		want = append(want, f.tensor(t))
	}
	n := c.node(t)
	call := resolve(t, n, c.Opset, constants(in))
	for i, w := range want {
		if got := call.Out[i]; got.String() != w.String() {
			t.Fatalf("output %d: the shape rule says %s, want %s", i, got.String(), w)
		}
	}
	c.checkUnknown(t, n, in, want)
	var first []*tensor.Tensor
	for threads := 1; threads <= 3; threads++ {
		got := runNode(t, call, in, want, threads)
		if first == nil {
			first = got
			for i, w := range want {
				if err := near(got[i], w, c.RTol, c.ATol); err != nil {
					t.Errorf("output %d (by %s): %v", i, c.By, err)
				}
			}
			continue
		}
		for i := range got {
			if !sameBits(got[i], first[i]) {
				t.Errorf("output %d differs between 1 and %d threads", i, threads)
			}
		}
	}
}

// checkUnknown runs the shape rule with less and less known of the inputs. What it still says must be true.
func (c *fileCase) checkUnknown(t *testing.T, n *onnx.Node, in, want []*tensor.Tensor) {
	blur := []func(i int, info *op.Info){
		func(i int, info *op.Info) {
			if i > 0 {
				info.Value = nil
			}
		},
		func(i int, info *op.Info) {
			if i == 0 {
				for k := range info.Dims {
					info.Dims[k] = op.Named(fmt.Sprint("d", k))
				}
			}
		},
		func(i int, info *op.Info) {
			for k := range info.Dims {
				info.Dims[k] = op.Named("")
			}
			info.Value = nil
		},
		func(_ int, info *op.Info) { *info = op.Info{DType: info.DType} },
	}
	for level, f := range blur {
		infos := constants(in)
		for i, info := range infos {
			if info != nil {
				if i == 0 {
					info.Value = nil
				}
				f(i, info)
			}
		}
		call := resolve(t, n, c.Opset, infos)
		for i, w := range want {
			got := call.Out[i]
			if got.DType != w.DType || got.HasRank() && got.Rank() != len(w.Shape) {
				t.Fatalf("level %d: output %d: the shape rule says %s, want %s", level, i, got.String(), w)
			}
			for k, d := range got.Dims {
				if d.IsKnown() && d.Size != w.Shape[k] || d.Name != "" && d != infos[0].Dims[slices.Index(infos[0].Dims, d)] {
					t.Fatalf("level %d: output %d: the shape rule says %s, want %s", level, i, got.String(), w)
				}
			}
		}
	}
}

func constants(in []*tensor.Tensor) []*op.Info {
	infos := make([]*op.Info, len(in))
	for i, x := range in {
		if x != nil {
			info := op.Const(x)
			infos[i] = &info
		}
	}
	return infos
}

func resolve(t *testing.T, n *onnx.Node, opset int, in []*op.Info) *op.Call {
	t.Helper()
	call, err := op.Resolve(n, opset, in, &op.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Infer(call); err != nil {
		t.Fatal(err)
	}
	return call
}

// runNode binds a node and runs it twice, on outputs full of rubbish.
func runNode(t *testing.T, call *op.Call, in, like []*tensor.Tensor, threads int) []*tensor.Tensor {
	t.Helper()
	k, err := Bind(&Node{Name: "n", Call: call})
	if err != nil {
		t.Fatal(err)
	}
	c := &Context{Ctx: context.Background(), Pool: kernel.NewPool(threads)}
	defer c.Pool.Close()
	var out []*tensor.Tensor
	for range 2 {
		out = nil
		for _, w := range like {
			x := w.Clone()
			rubbish := make([]float64, x.NumElems())
			for i := range rubbish {
				rubbish[i] = 77
			}
			storeFloats(x, rubbish)
			out = append(out, x)
		}
		if err := k.Run(c, in, out); err != nil {
			t.Fatal(err)
		}
		c.Reset()
	}
	return out
}

// near compares two tensors element by element; NaN equals NaN.
func near(got, want *tensor.Tensor, rtol, atol float64) error {
	if got.String() != want.String() {
		return fmt.Errorf("have %s, want %s", got, want)
	}
	a, b := numbers(got), numbers(want)
	for i := range a {
		if a[i] == b[i] || a[i] != a[i] && b[i] != b[i] {
			continue
		}
		if !(math.Abs(a[i]-b[i]) <= atol+rtol*math.Abs(b[i])) {
			return fmt.Errorf("element %d of %s: have %v, want %v\nhave %s\nwant %s", i, got, a[i], b[i], brief(a), brief(b))
		}
	}
	return nil
}

func numbers(t *tensor.Tensor) []float64 {
	if b, ok := t.Data.([]bool); ok {
		return converted[float64](reinterpret[uint8](b))
	}
	return floats[float64](t)
}

func brief(v []float64) string {
	s := fmt.Sprintf("%.7g", v)
	return s[:min(len(s), 400)] + strings.Repeat("…", min(1, len(s)/400))
}

func sameBits(a, b *tensor.Tensor) bool { return reflect.DeepEqual(bits(a), bits(b)) }

func bits(t *tensor.Tensor) any {
	w := words(t)
	switch d := w.(type) {
	case []float32:
		return reinterpret[uint32](d)
	case []float64:
		return reinterpret[uint64](d)
	}
	return w
}
