package onnxgo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	onnxgolib "github.com/owulveryck/onnx-go"
	gtensor "gorgonia.org/tensor"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxgo"
)

// decodeInto marshals a model and lets onnx-go decode it into a backend.
func decodeInto(t testing.TB, g *onnxgo.Graph, m *onnx.Model) (*onnxgolib.Model, error) {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	model := onnxgolib.NewModel(g)
	return model, model.UnmarshalBinary(data)
}

func model(opset int, inputs, outputs []*onnx.ValueInfo, inits []*onnx.TensorPB, nodes ...*onnx.Node) *onnx.Model {
	return &onnx.Model{
		IrVersion:   8,
		OpsetImport: []*onnx.OpsetID{{Version: int64(opset)}},
		Graph:       &onnx.Graph{Name: "test", Node: nodes, Input: inputs, Output: outputs, Initializer: inits},
	}
}

func float(name string, dims ...int) *onnx.ValueInfo {
	return onnx.NewValueInfo(name, tensor.Float32, onnx.FixedDims(dims...))
}

// TestAutoDeepLab runs the published architecture, at a small width, through onnx-go and straight: the same bits.
func TestAutoDeepLab(t *testing.T) {
	for _, form := range []compile.Form{compile.TrainingForm, compile.InferenceForm} {
		m, err := compile.Compile(decode.Published(), compile.Options{
			Filters: 4, Classes: 5, Height: 65, Width: 49, Batch: 1, Form: form, Seed: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		image := make([]float32, 3*65*49)
		for i := range image {
			image[i] = float32(i * 37 % 256)
		}
		s, err := runtime.Embedded.LoadModel(m, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": tensor.Of(image, 1, 3, 65, 49)})
		if err != nil {
			t.Fatal(err)
		}

		g := onnxgo.New()
		defer g.Close()
		om, err := decodeInto(t, g, m)
		if err != nil {
			t.Fatal(err)
		}
		in := gtensor.New(gtensor.WithShape(1, 3, 65, 49), gtensor.WithBacking(slices.Clone(image)))
		for range 2 { // the second run reuses the session
			if err := om.SetInput(0, in); err != nil {
				t.Fatal(err)
			}
			if err := g.Run(); err != nil {
				t.Fatal(err)
			}
		}
		out, err := om.GetOutputTensors()
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Data().([]float32); !slices.Equal(got, tensor.Data[float32](want["logits"])) {
			t.Errorf("%v form: the logits through onnx-go differ from the engine's own", form)
		}
	}
}

// TestEdges covers what a decoder into a graph may lose: an input used twice, the order of inputs, several outputs, an
// optional input left out, an operator without inputs.
func TestEdges(t *testing.T) {
	x := float("x", 1, 1, 1, 2)
	scales := onnx.Encode("scales", tensor.Of([]float32{1, 1, 1, 2}, 4))
	two := onnx.Encode("", tensor.Of([]float32{2}, 1))
	tests := []struct {
		name  string
		nodes []*onnx.Node
		inits []*onnx.TensorPB
		out   *onnx.ValueInfo
		want  []float32
	}{
		{"twice", []*onnx.Node{onnx.NewNode("Concat", "", []string{"x", "x"}, []string{"y"}, onnx.AttrInt("axis", 3))},
			nil, float("y", 1, 1, 1, 4), []float32{3, 5, 3, 5}},
		{"order", []*onnx.Node{
			onnx.NewNode("Constant", "c", nil, []string{"two"}, onnx.AttrTensor("value", two)),
			onnx.NewNode("Sub", "", []string{"two", "x"}, []string{"y"}),
		}, nil, float("y", 1, 1, 1, 2), []float32{-1, -3}},
		{"outputs", []*onnx.Node{
			onnx.NewNode("Split", "", []string{"x"}, []string{"a", "b"}, onnx.AttrInt("axis", 3)),
			onnx.NewNode("Sub", "", []string{"b", "a"}, []string{"y"}),
		}, nil, float("y", 1, 1, 1, 1), []float32{2}},
		{"optional", []*onnx.Node{onnx.NewNode("Resize", "", []string{"x", "", "scales"}, []string{"y"},
			onnx.AttrString("mode", "nearest"), onnx.AttrString("coordinate_transformation_mode", "asymmetric"),
			onnx.AttrString("nearest_mode", "floor"))},
			[]*onnx.TensorPB{scales}, float("y", 1, 1, 1, 4), []float32{3, 3, 5, 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := onnxgo.New()
			defer g.Close()
			om, err := decodeInto(t, g, model(17, []*onnx.ValueInfo{x}, []*onnx.ValueInfo{test.out}, test.inits, test.nodes...))
			if err != nil {
				t.Fatal(err)
			}
			if err := om.SetInput(0, gtensor.New(gtensor.WithShape(1, 1, 1, 2), gtensor.WithBacking([]float32{3, 5}))); err != nil {
				t.Fatal(err)
			}
			if err := g.Run(); err != nil {
				t.Fatal(err)
			}
			out, err := om.GetOutputTensors()
			if err != nil {
				t.Fatal(err)
			}
			got, ok := out[0].Data().([]float32)
			if !ok {
				got = []float32{out[0].Data().(float32)}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestLimits holds the package comment's list: each limit is an error.
func TestLimits(t *testing.T) {
	x, y := float("x", 2, 2), float("y", 2, 2)
	raw := onnx.Encode("flag", tensor.Of([]bool{true, false, true, false}, 2, 2))
	flag := &onnx.TensorPB{Name: "flag", DataType: int32(tensor.Bool), Dims: []int64{2, 2}, Int32Data: []int32{1, 0, 1, 0}}
	softmax := onnx.NewNode("Softmax", "", []string{"x"}, []string{"y"})
	tests := []struct {
		name    string
		options []onnxgo.Option
		nodes   []*onnx.Node
		inits   []*onnx.TensorPB
		set     gtensor.Tensor
		want    string // "" means that it runs
	}{
		{"ambiguous operator", nil, []*onnx.Node{softmax}, nil, square(), "WithOpset"},
		{"opset given", []onnxgo.Option{onnxgo.WithOpset(17)}, []*onnx.Node{softmax}, nil, square(), ""},
		{"unknown operator", nil, []*onnx.Node{onnx.NewNode("Det", "", []string{"x"}, []string{"y"})}, nil, square(), "unknown operator Det"},
		{"boolean initializer", nil, []*onnx.Node{onnx.NewNode("Where", "", []string{"flag", "x", "x"}, []string{"y"})},
			[]*onnx.TensorPB{flag}, square(), "boolean"},
		{"boolean initializer in raw_data, which onnx-go refuses", nil, []*onnx.Node{onnx.NewNode("Where", "", []string{"flag", "x", "x"}, []string{"y"})},
			[]*onnx.TensorPB{raw}, square(), "Unable to decode"},
		{"input not set", nil, []*onnx.Node{onnx.NewNode("Relu", "", []string{"x"}, []string{"y"})}, nil, nil, `input "x" is not set`},
		{"undefined value", nil, []*onnx.Node{onnx.NewNode("Add", "", []string{"x", "nowhere"}, []string{"y"})}, nil, square(), `"nowhere" is not defined`},
		{"cycle", nil, []*onnx.Node{onnx.NewNode("Add", "", []string{"x", "y"}, []string{"y"})}, nil, square(), "computed from itself"},
		{"transposed input", nil, []*onnx.Node{onnx.NewNode("Relu", "", []string{"x"}, []string{"y"})}, nil, transposed(t), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := func() error {
				g := onnxgo.New(test.options...)
				defer g.Close()
				om, err := decodeInto(t, g, model(17, []*onnx.ValueInfo{x}, []*onnx.ValueInfo{y}, test.inits, test.nodes...))
				if err != nil {
					return err
				}
				if test.set != nil {
					if err := om.SetInput(0, test.set); err != nil {
						return err
					}
				}
				if err := g.Run(); err != nil {
					return err
				}
				if test.name != "transposed input" {
					return nil
				}
				out, err := om.GetOutputTensors()
				if err != nil {
					return err
				}
				if got := out[0].Data().([]float32); !slices.Equal(got, []float32{1, 3, 2, 4}) {
					return fmt.Errorf("got %v", got)
				}
				return nil
			}()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func square() gtensor.Tensor {
	return gtensor.New(gtensor.WithShape(2, 2), gtensor.WithBacking([]float32{1, 2, 3, 4}))
}

// transposed is a view of another layout: onnx-go users make such ones with T().
func transposed(t *testing.T) gtensor.Tensor {
	d := gtensor.New(gtensor.WithShape(2, 2), gtensor.WithBacking([]float32{1, 2, 3, 4}))
	if err := d.T(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCancel(t *testing.T) {
	g := onnxgo.New()
	defer g.Close()
	om, err := decodeInto(t, g, model(17, []*onnx.ValueInfo{float("x", 2, 2)}, []*onnx.ValueInfo{float("y", 2, 2)}, nil,
		onnx.NewNode("Relu", "", []string{"x"}, []string{"y"})))
	if err != nil {
		t.Fatal(err)
	}
	if err := om.SetInput(0, square()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.RunContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func ExampleNew() {
	m := model(17, []*onnx.ValueInfo{float("x", 2, 2)}, []*onnx.ValueInfo{float("y", 2, 2)}, nil,
		onnx.NewNode("Relu", "", []string{"x"}, []string{"y"}))
	data, err := onnx.Marshal(m)
	if err != nil {
		panic(err)
	}

	graph := onnxgo.New()
	defer graph.Close()
	om := onnxgolib.NewModel(graph)
	if err := om.UnmarshalBinary(data); err != nil {
		panic(err)
	}
	if err := om.SetInput(0, gtensor.New(gtensor.WithShape(2, 2), gtensor.WithBacking([]float32{-1, 2, -3, 4}))); err != nil {
		panic(err)
	}
	if err := graph.Run(); err != nil {
		panic(err)
	}
	out, err := om.GetOutputTensors()
	if err != nil {
		panic(err)
	}
	fmt.Println(out[0].Data())
	// Output: [0 2 0 4]
}
