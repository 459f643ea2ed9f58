package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

func graph(opset int, inputs, outputs []*onnx.ValueInfo, inits []*onnx.TensorPB, nodes ...*onnx.Node) *onnx.Model {
	return &onnx.Model{
		IrVersion:   8,
		OpsetImport: []*onnx.OpsetID{{Version: int64(opset)}},
		Graph:       &onnx.Graph{Name: "test", Node: nodes, Input: inputs, Output: outputs, Initializer: inits},
	}
}

func values(infos ...*onnx.ValueInfo) []*onnx.ValueInfo { return infos }

func float(name string, dims ...*onnx.Dim) *onnx.ValueInfo {
	return onnx.NewValueInfo(name, tensor.Float32, append([]*onnx.Dim{}, dims...))
}

func fixed(n int) *onnx.Dim { return onnx.FixedDim(n) }

// convReluAdd is y = relu(conv(x, w)) + conv(x, w) with dynamic batch and size.
func convReluAdd() *onnx.Model {
	w := make([]float32, 8*3*3*3)
	for i := range w {
		w[i] = float32(i%7) - 3
	}
	dyn := []*onnx.Dim{onnx.NamedDim("N"), fixed(3), onnx.NamedDim("H"), onnx.NamedDim("W")}
	return graph(17, values(float("x", dyn...)),
		values(float("y", onnx.NamedDim("N"), fixed(8), onnx.NamedDim("H"), onnx.NamedDim("W"))),
		[]*onnx.TensorPB{onnx.Encode("w", tensor.Of(w, 8, 3, 3, 3))},
		onnx.NewNode("Conv", "conv", []string{"x", "w"}, []string{"c"}, onnx.AttrInts("pads", 1, 1, 1, 1)),
		onnx.NewNode("Relu", "relu", []string{"c"}, []string{"r"}),
		onnx.NewNode("Add", "add", []string{"r", "c"}, []string{"y"}))
}

func ramp(n, c, h, w int) *tensor.Tensor {
	data := make([]float32, n*c*h*w)
	for i := range data {
		data[i] = float32(i%13) - 6
	}
	return tensor.Of(data, n, c, h, w)
}

func load(t testing.TB, m *onnx.Model, threads int) runtime.Session {
	t.Helper()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func runOne(t testing.TB, s runtime.Session, x *tensor.Tensor) []float32 {
	t.Helper()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	return tensor.Data[float32](out["y"])
}

// TestConcurrentRuns runs one session from several goroutines with changing shapes; every result must be the bits that
// a session of one thread gives alone.
func TestConcurrentRuns(t *testing.T) {
	m := convReluAdd()
	shapes := [][2]int{{5, 7}, {16, 16}, {1, 1}, {9, 4}, {33, 20}}
	want := make([][]float32, len(shapes))
	alone := load(t, m, 1)
	for i, hw := range shapes {
		want[i] = slices.Clone(runOne(t, alone, ramp(2, 3, hw[0], hw[1])))
	}
	for _, threads := range []int{1, 2, 3} {
		s := load(t, m, threads)
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() {
				for k := range 20 {
					i := (g + k) % len(shapes)
					out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": ramp(2, 3, shapes[i][0], shapes[i][1])})
					if err != nil {
						t.Error(err)
						return
					}
					if !slices.Equal(tensor.Data[float32](out["y"]), want[i]) {
						t.Errorf("%d threads, goroutine %d: another result for %v", threads, g, shapes[i])
						return
					}
					clear(tensor.Data[float32](out["y"])) // the output is the caller's: this must not reach another run
				}
			})
		}
		group.Wait()
	}
}

func TestManyShapesThroughOneSession(t *testing.T) {
	s := load(t, convReluAdd(), 2)
	for h := 1; h <= 40; h++ { // more than a session remembers plans for
		if got := runOne(t, s, ramp(1, 3, h, 3)); len(got) != 8*h*3 {
			t.Fatalf("height %d: %d values", h, len(got))
		}
	}
}

func TestCancelAndClose(t *testing.T) {
	s := load(t, convReluAdd(), 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in := map[string]*tensor.Tensor{"x": ramp(1, 3, 4, 4)}
	if _, err := s.Run(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled run: %v", err)
	}
	if _, err := s.Run(context.Background(), in); err != nil {
		t.Errorf("a run after a cancelled one: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Run(context.Background(), in); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("run after Close: %v", err)
	}
}

func TestInputErrors(t *testing.T) {
	s := load(t, convReluAdd(), 1)
	x := ramp(1, 3, 4, 4)
	for _, test := range []struct {
		name string
		in   map[string]*tensor.Tensor
		want string
	}{
		{"missing", map[string]*tensor.Tensor{}, `"x" is missing; the model wants x float[N,3,H,W]`},
		{"wrong type", map[string]*tensor.Tensor{"x": tensor.Of(make([]int64, 48), 1, 3, 4, 4)}, `"x" is int64[1,3,4,4]; the model wants float[N,3,H,W]`},
		{"wrong rank", map[string]*tensor.Tensor{"x": tensor.Of(make([]float32, 48), 3, 4, 4)}, `"x" is float[3,4,4]; the model wants float[N,3,H,W]`},
		{"wrong channels", map[string]*tensor.Tensor{"x": ramp(1, 4, 4, 4)}, `"x" is float[1,4,4,4]; the model wants float[N,3,H,W]`},
		{"unknown", map[string]*tensor.Tensor{"x": x, "z": x}, `the model has no input "z"`},
		{"lying shape", map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{1, 3, 4, 4}, Data: []float32{1}}}, `"x" has 1 elements for shape [1,3,4,4]`},
	} {
		_, err := s.Run(context.Background(), test.in)
		if !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an ErrInput that says %q", test.name, err, test.want)
		}
	}
}

// TestLoadErrors holds that what cannot run is refused when it is loaded, with the node and the operator.
func TestLoadErrors(t *testing.T) {
	x, y := float("x", fixed(1), fixed(3), fixed(4), fixed(4)), float("y", fixed(1), fixed(3), fixed(4), fixed(4))
	relu := func(in, out string) *onnx.Node { return onnx.NewNode("Relu", "n_"+out, []string{in}, []string{out}) }
	for _, test := range []struct {
		name  string
		model *onnx.Model
		want  string
	}{
		{"unknown operator", graph(17, values(x), values(y), nil, onnx.NewNode("Frobnicate", "n1", []string{"x"}, []string{"y"})),
			`node "n1" (Frobnicate): unknown operator Frobnicate`},
		{"foreign domain", graph(17, values(x), values(y), nil, &onnx.Node{OpType: "Relu", Domain: "com.example", Input: []string{"x"}, Output: []string{"y"}}),
			`node #0 (Relu): unknown operator Relu of domain "com.example"`},
		{"newer operator", graph(12, values(x), values(y), nil, onnx.NewNode("HardSwish", "n1", []string{"x"}, []string{"y"})),
			`node "n1" (HardSwish): unknown operator HardSwish at opset 12 (it exists from opset 14)`},
		{"unknown attribute", graph(17, values(x), values(y), nil, onnx.NewNode("Relu", "n1", []string{"x"}, []string{"y"}, onnx.AttrInt("slope", 1))),
			`node "n1" (Relu): unknown attribute "slope"`},
		{"type", graph(13, values(onnx.NewValueInfo("x", tensor.Bool, onnx.FixedDims(2))), values(y), nil, relu("x", "y")),
			`node "n_y" (Relu): input "X" is of type bool`},
		{"cycle", graph(17, values(x), values(y), nil, onnx.NewNode("Add", "a", []string{"x", "c"}, []string{"b"}), relu("b", "c"), relu("b", "y")),
			`node "a" (Add): it lies on or behind a cycle`},
		{"undefined input", graph(17, values(x), values(y), nil, relu("nowhere", "y")), `node "n_y" (Relu): input "nowhere" is not defined`},
		{"undefined output", graph(17, values(x), values(y), nil, relu("x", "z")), `graph output "y" is not defined`},
		{"two producers", graph(17, values(x), values(y), nil, relu("x", "y"), relu("x", "y")), `output "y" is already an output of node #0`},
		{"old opset", graph(6, values(x), values(y), nil, relu("x", "y")), "imports ai.onnx 6, want 7 to 26"},
		{"new opset", graph(99, values(x), values(y), nil, relu("x", "y")), "imports ai.onnx 99, want 7 to 26"},
		{"empty", &onnx.Model{}, "imports ai.onnx 0, want 7 to 26"},
		{"initializer", graph(17, values(x), values(y), []*onnx.TensorPB{{Name: "w", DataType: 1, Dims: []int64{1 << 62}}}, relu("x", "y")), `bad tensor "w"`},
		{"negative dimension", graph(17, values(onnx.NewValueInfo("x", tensor.Float32, onnx.FixedDims(1, -3))), values(y), nil, relu("x", "y")),
			`graph input "x" has dimension 1 of size -3`},
	} {
		s, err := runtime.Embedded.LoadModel(test.model, runtime.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s: loads", test.name)
		} else if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want one line that says %q", test.name, err, test.want)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := op.DefaultLimits
	limits.MaxElems = 1000
	s, err := runtime.Embedded.LoadModel(convReluAdd(), runtime.Options{Limits: &limits})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Run(context.Background(), map[string]*tensor.Tensor{"x": ramp(1, 3, 12, 12)}) // 8·12·12 = 1152
	if !errors.Is(err, op.ErrLimit) || !strings.Contains(err.Error(), `node "conv" (Conv)`) {
		t.Errorf("got %v, want an ErrLimit at node conv", err)
	}
}

// TestShapesKnownOnlyAtRunTime reshapes by a graph input: no plan can know the shape, and what follows still works.
func TestShapesKnownOnlyAtRunTime(t *testing.T) {
	shape := onnx.NewValueInfo("shape", tensor.Int64, onnx.FixedDims(2))
	m := graph(17, values(float("x", fixed(6)), shape), values(float("y", onnx.NamedDim("a"), onnx.NamedDim("b"))), nil,
		onnx.NewNode("Reshape", "reshape", []string{"x", "shape"}, []string{"r"}),
		onnx.NewNode("Relu", "relu", []string{"r"}, []string{"y"}))
	s := load(t, m, 2)
	x := tensor.Of([]float32{-1, 2, -3, 4, -5, 6}, 6)
	for _, to := range [][]int64{{2, 3}, {3, 2}, {1, -1}} {
		out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x, "shape": tensor.Of(to, 2)})
		if err != nil {
			t.Fatal(err)
		}
		rows := int(to[0])
		if got := out["y"].Shape; !slices.Equal(got, []int{rows, 6 / rows}) {
			t.Errorf("to %v: shape %v", to, got)
		}
		if got := tensor.Data[float32](out["y"]); !slices.Equal(got, []float32{0, 2, 0, 4, 0, 6}) {
			t.Errorf("to %v: %v", to, got)
		}
	}
	_, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": x, "shape": tensor.Of([]int64{4, 4}, 2)})
	if err == nil || !strings.Contains(err.Error(), `node "reshape" (Reshape)`) {
		t.Errorf("6 elements to 4×4: %v", err)
	}
}

// TestInputsAndConstantsAsOutputs hands the caller memory of its own even where no node computes an output.
func TestInputsAndConstantsAsOutputs(t *testing.T) {
	x := float("x", fixed(2))
	m := graph(17, values(x), values(x, float("w", fixed(2)), float("v", fixed(2))),
		[]*onnx.TensorPB{onnx.Encode("w", tensor.Of([]float32{7, 8}, 2))},
		onnx.NewNode("Identity", "id", []string{"w"}, []string{"v"}))
	s := load(t, m, 1)
	in := tensor.Of([]float32{1, 2}, 2)
	for range 2 {
		out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": in})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][]float32{"x": {1, 2}, "w": {7, 8}, "v": {7, 8}} {
			got := tensor.Data[float32](out[name])
			if !slices.Equal(got, want) {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
			clear(got)
		}
	}
}

func ExampleEngine() {
	m := convReluAdd()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Inputs()[0])
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"x": ramp(1, 3, 4, 5)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out["y"])
	// Output:
	// x float[N,3,H,W]
	// float[1,8,4,5]
}
