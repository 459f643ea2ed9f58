package op_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
)

// dynamicModel is a model of testdata/movement.py.
type dynamicModel struct {
	Name, Text string
	Said       map[string][]any // dimensions by ONNX's shape inference
	Runs       []struct {
		Sizes  map[string]int
		Values map[string]struct{ S, D []int }
	}
}

// TestDynamicModels infers models with named axes. What inference says must be true of the shapes and contents that
// the models really have, and no less than what ONNX's own inference says.
func TestDynamicModels(t *testing.T) {
	text, err := os.ReadFile("testdata/movement.json")
	if err != nil {
		t.Fatal(err)
	}
	var models []dynamicModel
	if err := json.Unmarshal(text, &models); err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		t.Run(m.Name, func(t *testing.T) {
			r := inferText(t, m.Text, nil)
			for name, want := range m.Said {
				if got := r.Values[name]; !atLeast(got.Dims, want) {
					t.Errorf("%s: %s, but ONNX says %v", name, got, want)
				}
			}
			for _, run := range m.Runs {
				inputs := make(map[string]op.Info)
				for name, v := range r.Values {
					if !isInput(r, name) {
						continue
					}
					sizes := make([]int, v.Rank())
					for k, d := range v.Dims {
						sizes[k] = sizeOf(d, run.Sizes)
					}
					inputs[name] = op.Of(v.DType, sizes...)
				}
				full := inferText(t, m.Text, inputs)
				for name, want := range run.Values {
					partly, all := r.Values[name], full.Values[name]
					if sizes, ok := all.Sizes(); !ok || !slices.Equal(sizes, want.S) {
						t.Errorf("%s with sizes: %s, want %v", name, all, want.S)
					}
					if v, ok := all.Ints(); want.D != nil && (!ok || !slices.Equal(v, want.D)) {
						t.Errorf("%s with sizes: contents %v, want %v", name, v, want.D)
					}
					if !trueOf(partly.Dims, want.S, run.Sizes) || partly.Shape != nil && !trueOf(partly.Shape, want.D, run.Sizes) {
						t.Errorf("%s: %s %v, which is not true of %v %v", name, partly, partly.Shape, want.S, want.D)
					}
				}
			}
		})
	}
}

func inferText(t *testing.T, text string, inputs map[string]op.Info) *check.Result {
	t.Helper()
	m, err := onnx.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Infer(m, check.Options{Inputs: inputs})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func isInput(r *check.Result, name string) bool {
	return r.Values[name].Value == nil && !slices.ContainsFunc(r.Nodes, func(n *check.NodeInfo) bool {
		return slices.Contains(n.Node.GetOutput(), name)
	})
}

func sizeOf(d op.Dim, sizes map[string]int) int {
	if d.IsKnown() {
		return d.Size
	}
	return sizes[d.Name]
}

// atLeast reports whether got says all that ONNX says; "unk__3" are names that ONNX makes up.
func atLeast(got []op.Dim, said []any) bool {
	if said == nil {
		return true
	}
	if len(got) != len(said) {
		return false
	}
	for k, d := range said {
		switch d := d.(type) {
		case float64:
			if got[k] != op.Known(int(d)) {
				return false
			}
		case string:
			if d != "?" && !strings.HasPrefix(d, "unk__") && got[k] != op.Named(d) {
				return false
			}
		}
	}
	return true
}

// trueOf reports whether dims, as far as they say anything, are the given numbers.
func trueOf(dims []op.Dim, want []int, sizes map[string]int) bool {
	if dims == nil {
		return true
	}
	if len(dims) != len(want) {
		return false
	}
	for k, d := range dims {
		if (d.IsKnown() || d.Name != "") && sizeOf(d, sizes) != want[k] {
			return false
		}
	}
	return true
}

// ExampleInfer follows a dimension that is known by name only through shape arithmetic.
func ExampleInfer() {
	m, err := onnx.Parse(`<ir_version: 8, opset_import: ["" : 18]>
view (float[N,3,H,W] x) => (float[a,b] y) <int64[1] rest = {-1}> {
   n = Shape<start = 0, end = 1>(x)
   shape = Concat<axis = 0>(n, rest)
   y = Reshape(x, shape)
}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := op.Info{DType: 1, Dims: []op.Dim{op.Named("N"), op.Known(3), op.Named("H"), op.Named("W")}}
	known := map[string]*op.Info{"x": &x}
	for _, t := range m.GetGraph().GetInitializer() {
		v, err := onnx.Decode(t)
		if err != nil {
			fmt.Println(err)
			return
		}
		info := op.Const(v)
		known[t.GetName()] = &info
	}
	for _, n := range m.GetGraph().GetNode() {
		var in []*op.Info
		for _, name := range n.GetInput() {
			in = append(in, known[name])
		}
		call, err := op.Resolve(n, 18, in, &op.DefaultLimits)
		if err == nil {
			err = op.Infer(call)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		known[n.GetOutput()[0]] = &call.Out[0]
		fmt.Println(n.GetOutput()[0], &call.Out[0], call.Out[0].Shape)
	}
	// Output:
	// n int64[1] [N]
	// shape int64[2] [N ?]
	// y float[N,?] []
}
