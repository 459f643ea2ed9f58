package verify

import (
	"context"
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// Side is one of the two that are compared: a model on an engine.
type Side struct {
	// Name is what reports call it: the engine, or the file.
	Name    string
	Model   *onnx.Model
	Engine  runtime.Engine
	Options runtime.Options
}

// tapper computes values inside a model. It is for one goroutine.
type tapper interface {
	// values gives the values of these names as far as the engine shows them, for inputs.
	values(ctx context.Context, inputs map[string]*tensor.Tensor, names []string) (map[string]*tensor.Tensor, error)
	close()
}

// tapper makes what looks into the side. The embedded engine shows values while it runs, as it computes them when nobody
// looks, or with unfused every node by itself; other engines are given the values as additional outputs of a model in memory.
func (s *Side) tapper(unfused bool) (tapper, error) {
	if s.Engine.Name() != runtime.Embedded.Name() {
		return &outputTapper{side: s}, nil
	}
	t := new(stepTapper)
	o := s.Options
	o.Tap, o.Unfused = t.take, unfused || o.Unfused
	var err error
	t.session, err = s.Engine.LoadModel(s.Model, o)
	return t, err
}

// stepTapper listens to the embedded engine.
type stepTapper struct {
	session runtime.Session
	want    map[string]bool
	got     map[string]*tensor.Tensor
}

func (t *stepTapper) take(name string, v *tensor.Tensor) {
	if t.want[name] {
		t.got[name] = v.Clone()
	}
}

func (t *stepTapper) values(ctx context.Context, inputs map[string]*tensor.Tensor, names []string) (map[string]*tensor.Tensor, error) {
	t.want, t.got = make(map[string]bool, len(names)), make(map[string]*tensor.Tensor, len(names))
	for _, n := range names {
		t.want[n] = true
	}
	_, err := t.session.Run(ctx, inputs)
	return t.got, err
}

func (t *stepTapper) close() { t.session.Close() }

// outputTapper makes outputs of values, in a session for every question.
type outputTapper struct{ side *Side }

func (t *outputTapper) close() {}

func (t *outputTapper) values(ctx context.Context, inputs map[string]*tensor.Tensor, names []string) (map[string]*tensor.Tensor, error) {
	m, tapped, err := withOutputs(t.side.Model, inputs, names)
	if err != nil {
		return nil, err
	}
	s, err := t.side.Engine.LoadModel(m, t.side.Options)
	if err != nil {
		return nil, fmt.Errorf("with its inner values as outputs: %w", err)
	}
	defer s.Close()
	out, err := s.Run(ctx, inputs)
	if err != nil {
		return nil, err
	}
	got := make(map[string]*tensor.Tensor, len(names))
	for output, name := range tapped {
		got[name] = out[output]
	}
	return got, nil
}

// castSuffix marks the outputs that withOutputs adds for values whose type not every engine can give away.
const castSuffix = "/verify"

// withOutputs gives a copy of m whose outputs are the values of these names, the shapes those for the inputs at hand. A
// value of 16-bit floats is given as float32, which loses nothing. The map leads from output to value.
func withOutputs(m *onnx.Model, inputs map[string]*tensor.Tensor, names []string) (*onnx.Model, map[string]string, error) {
	r, err := inferWith(m, inputs)
	if err != nil {
		return nil, nil, err
	}
	g := m.GetGraph()
	tapped := make(map[string]string, len(names))
	nodes, outputs := g.GetNode()[:len(g.GetNode()):len(g.GetNode())], []*onnx.ValueInfo(nil)
	for _, name := range names {
		info := r.Values[name]
		if info == nil {
			continue
		}
		output, d := name, info.DType
		if d == tensor.Float16 || d == tensor.BFloat16 {
			output, d = name+castSuffix, tensor.Float32
			nodes = append(nodes, onnx.NewNode("Cast", output, []string{name}, []string{output}, onnx.AttrInt("to", int(d))))
		}
		tapped[output] = name
		outputs = append(outputs, onnx.NewValueInfo(output, d, dimsOf(info)))
	}
	graph := &onnx.Graph{Name: g.GetName(), Node: nodes, Input: g.GetInput(), Initializer: g.GetInitializer(), SparseInitializer: g.GetSparseInitializer(), Output: outputs}
	return &onnx.Model{IrVersion: m.GetIrVersion(), OpsetImport: m.GetOpsetImport(), Functions: m.GetFunctions(), MetadataProps: m.GetMetadataProps(), Graph: graph}, tapped, nil
}

// inferWith infers m for inputs of these types and shapes.
func inferWith(m *onnx.Model, inputs map[string]*tensor.Tensor) (*check.Result, error) {
	infos := make(map[string]op.Info, len(inputs))
	for name, t := range inputs {
		infos[name] = op.Of(t.DType, t.Shape...)
	}
	return check.Infer(m, check.Options{Inputs: infos})
}

func dimsOf(info *op.Info) []*onnx.Dim {
	if !info.HasRank() {
		return nil
	}
	dims := make([]*onnx.Dim, len(info.Dims))
	for i, d := range info.Dims {
		if d.IsKnown() {
			dims[i] = onnx.FixedDim(d.Size)
		} else {
			dims[i] = onnx.NamedDim(d.Name)
		}
	}
	return dims
}
