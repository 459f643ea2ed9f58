package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxgo"
)

// network compiles the published architecture at a small width, its batch statistics left at 0 and 1.
func network(t testing.TB, o compile.DeployOptions) *onnx.Model {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: 4, Classes: 5, Height: 65, Width: 65, Batch: 1, Form: compile.TrainingForm, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = compile.Deploy(m, o); err != nil {
		t.Fatal(err)
	}
	return m
}

// faulty is an engine that computes another model than the one that it is given: what a defect in a kernel looks like.
type faulty struct {
	runtime.Engine
	spoil func(*onnx.Model)
}

func (faulty) Name() string { return "faulty" }

func (f faulty) LoadModel(m *onnx.Model, o runtime.Options) (runtime.Session, error) {
	m = proto.Clone(m).(*onnx.Model)
	f.spoil(m)
	return f.Engine.LoadModel(m, o)
}

// nth gives the k-th node of an operator in topological order, and the name of its weights where it has some.
func nth(t testing.TB, m *onnx.Model, op string, k int) *onnx.Node {
	t.Helper()
	r, err := check.Infer(m, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Nodes {
		if n.Node.GetOpType() == op {
			if k == 0 {
				return n.Node
			}
			k--
		}
	}
	t.Fatalf("no such %s", op)
	return nil
}

// change finds the node of a name again in another copy of the model.
func change(m *onnx.Model, name string, f func(*onnx.Node)) {
	for _, n := range m.GetGraph().GetNode() {
		if n.GetName() == name {
			f(n)
		}
	}
}

// changeWeight makes one number of the second input of a node another one.
func changeWeight(m *onnx.Model, name string) {
	change(m, name, func(n *onnx.Node) {
		for i, t := range m.GetGraph().GetInitializer() {
			if t.GetName() == n.GetInput()[1] {
				v, err := onnx.Decode(t)
				if err != nil {
					panic(err)
				}
				w := tensor.Data[float32](v.Clone())
				w[len(w)/2] += 3
				m.Graph.Initializer[i] = onnx.Encode(t.GetName(), tensor.Of(w, v.Shape...))
			}
		}
	})
}

// TestFaultIsFound plants faults in single nodes, all over the network, and wants each named, between two engines and
// between two models, though the embedded engine computes Relu along with convolutions.
func TestFaultIsFound(t *testing.T) {
	m := network(t, compile.DeployOptions{})
	faults := []struct {
		name, node string
		spoil      func(*onnx.Model)
	}{}
	for _, k := range []int{2, 60} {
		node := nth(t, m, "Conv", k)
		faults = append(faults, struct {
			name, node string
			spoil      func(*onnx.Model)
		}{fmt.Sprintf("weight of convolution %d", k), node.GetName(), func(m *onnx.Model) { changeWeight(m, node.GetName()) }})
	}
	for _, k := range []int{4} {
		node := nth(t, m, "Resize", k)
		faults = append(faults, struct {
			name, node string
			spoil      func(*onnx.Model)
		}{fmt.Sprintf("mode of resize %d", k), node.GetName(), func(m *onnx.Model) {
			change(m, node.GetName(), func(n *onnx.Node) {
				for _, a := range n.Attribute {
					if a.GetName() == "coordinate_transformation_mode" {
						a.S = []byte("half_pixel")
					}
				}
			})
		}})
	}
	for _, f := range faults {
		for _, how := range []string{"engines", "models"} {
			t.Run(f.name+"/"+how, func(t *testing.T) {
				subject := &Side{Name: "subject", Model: m, Engine: runtime.Embedded}
				reference := &Side{Name: "reference", Model: m, Engine: faulty{runtime.Embedded, f.spoil}}
				if how == "models" {
					other := proto.Clone(m).(*onnx.Model)
					f.spoil(other)
					reference = &Side{Name: "reference", Model: other, Engine: runtime.Embedded}
				}
				for _, unfused := range []bool{false, true} {
					r, err := Run(context.Background(), subject, reference, Options{Layers: true, Unfused: unfused, Memory: 4 << 20})
					if err != nil {
						t.Fatal(err)
					}
					if r.Agree || len(r.Layers.Different) != 1 {
						t.Fatalf("it is not found: %+v", r.Layers)
					}
					if n := r.Layers.Different[0]; n.Name != f.node {
						t.Errorf("the fault is in %q, but %q (%s, place %d) is named: %s", f.node, n.Name, n.Op, n.Place, n.Difference.Words())
					} else if n.InputsRelative > 0 {
						t.Errorf("its inputs differ by %g", float64(n.InputsRelative))
					}
				}
			})
		}
	}
}

// TestAgreement compares what must agree: the fused with the unfused engine, and each form of a network with another one.
func TestAgreement(t *testing.T) {
	plain := network(t, compile.DeployOptions{})
	renamed := proto.Clone(plain).(*onnx.Model)
	for _, n := range renamed.Graph.Node {
		for i := range n.Input {
			if n.Input[i] != "" && n.Input[i] != "image" && onnx.Initializers(renamed.Graph)[n.Input[i]] == nil {
				n.Input[i] = "other/" + n.Input[i]
			}
		}
		for i := range n.Output {
			n.Output[i] = "other/" + n.Output[i]
		}
	}
	renamed.Graph.Output[0].Name = "other/" + renamed.Graph.Output[0].Name
	for _, c := range []struct {
		name    string
		other   *onnx.Model
		engine  runtime.Engine
		options Options
		level   string
		reason  string
		values  int // at least so many inner ones
	}{
		{"unfused", plain, faulty{runtime.Embedded, func(*onnx.Model) {}}, Options{Layers: true}, "values", "", 200},
		{"onnx-go", plain, onnxgo.Engine, Options{}, "values", "", 0},
		{"without passes", network(t, compile.DeployOptions{Passes: compile.PassOptions{Skip: []string{"common-subexpressions"}}}), runtime.Embedded, Options{Layers: true, All: true}, "values", "", 150},
		{"labels", network(t, compile.DeployOptions{Output: compile.OutputLabels}), runtime.Embedded, Options{}, "labels", "one gives logits, the other one labels", 0},
		{"bytes and labels", network(t, compile.DeployOptions{Input: compile.InputUint8, Output: compile.OutputLabels}), runtime.Embedded, Options{}, "labels", "labels", 0},
		{"bytes", network(t, compile.DeployOptions{Input: compile.InputUint8}), runtime.Embedded, Options{Layers: true}, "values", "", 100},
		{"probabilities", network(t, compile.DeployOptions{Output: compile.OutputProbabilities}), runtime.Embedded, Options{}, "labels", "probabilities", 0},
		{"a quarter", network(t, compile.DeployOptions{OutputStride: 4}), runtime.Embedded, Options{}, "labels", "float[1,5,17,17]", 0},
		{"dynamic", network(t, compile.DeployOptions{Height: compile.DynamicAxis, Width: compile.DynamicAxis}), runtime.Embedded, Options{Layers: true}, "values", "", 100},
		{"other names", renamed, runtime.Embedded, Options{Layers: true, Match: ByTopology}, "values", "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Run(context.Background(), &Side{Name: "plain", Model: plain, Engine: runtime.Embedded}, &Side{Name: c.name, Model: c.other, Engine: c.engine}, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Agree || r.Level != c.level || !strings.Contains(r.Reason, c.reason) || c.reason == "" && r.Reason != "" {
				t.Errorf("%+v %+v %+v", r, r.Outputs, r.Layers)
			}
			if c.options.Layers && r.Layers.Compared < c.values {
				t.Errorf("%d values compared, %d hidden, %d alone; want at least %d", r.Layers.Compared, r.Layers.Hidden, r.Layers.Alone, c.values)
			}
			if r.Labels == nil || r.Labels.Pixels != 65*65 || r.Labels.Agreement < 0.999 {
				t.Errorf("labels: %+v", r.Labels)
			}
		})
	}
}

// TestSeededInputs runs a model that is no segmentation network: several inputs, open axes, integers.
func TestSeededInputs(t *testing.T) {
	m := &onnx.Model{IrVersion: 8, OpsetImport: []*onnx.OpsetID{{Version: 17}}, Graph: &onnx.Graph{Name: "g",
		Input: []*onnx.ValueInfo{
			onnx.NewValueInfo("x", tensor.Float32, []*onnx.Dim{onnx.NamedDim("n"), onnx.FixedDim(4)}),
			onnx.NewValueInfo("i", tensor.Int64, []*onnx.Dim{onnx.NamedDim("k")}),
			onnx.NewValueInfo("c", tensor.Bool, []*onnx.Dim{onnx.NamedDim("n"), onnx.FixedDim(1)}),
		},
		Node: []*onnx.Node{
			onnx.NewNode("Where", "w", []string{"c", "x", "x"}, []string{"y"}),
			onnx.NewNode("Gather", "g", []string{"y", "i"}, []string{"z"}, onnx.AttrInt("axis", 1)),
			onnx.NewNode("Exp", "e", []string{"z"}, []string{"out"}),
		},
		Output: []*onnx.ValueInfo{onnx.NewValueInfo("out", tensor.Float32, nil), onnx.NewValueInfo("y", tensor.Float32, nil)},
	}}
	side := func(name string, e runtime.Engine) *Side { return &Side{Name: name, Model: m, Engine: e} }
	wrong := faulty{runtime.Embedded, func(m *onnx.Model) { m.Graph.Node[2].OpType = "Tanh" }}
	r, err := Run(context.Background(), side("a", runtime.Embedded), side("b", wrong), Options{Layers: true, Shapes: map[string][]int{"x": {7, 4}, "i": {2}, "c": {7, 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Agree || r.Layers.Different[0].Name != "e" || !r.Layers.Different[0].Born || r.Outputs[0].Agree || !r.Outputs[1].Agree {
		t.Errorf("%+v %+v", r, r.Layers)
	}
	if r.Inputs[0] != "seed 0: x float[7,4], i int64[2], c bool[7,1]" {
		t.Errorf("inputs %q", r.Inputs[0])
	}
	for _, c := range []struct {
		shapes map[string][]int
		want   string
	}{
		{map[string][]int{"x": {7, 5}}, "the model wants float[n,4]"},
		{map[string][]int{"x": {7}}, "the model wants float[n,4]"},
		{map[string][]int{"q": {7}}, `no input "q"`},
	} {
		_, err := Run(context.Background(), side("a", runtime.Embedded), side("b", runtime.Embedded), Options{Shapes: c.shapes})
		if !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.shapes, err)
		}
	}
}
