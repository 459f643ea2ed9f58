package onnxgo

import (
	"context"
	"fmt"
	"sync"

	onnxgo "github.com/owulveryck/onnx-go"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// Name is what the engine is called on the command line.
const Name = "onnx-go"

// Engine is the way of a program that was written for onnx-go as a runtime.Engine: models are decoded by onnx-go, handed
// to this package's backend operator by operator, and run by the embedded engine. It is there to be compared with: what
// onnx-go's decoder loses shows as an error.
var Engine runtime.Engine = engine{}

type engine struct{}

func (engine) Name() string { return Name }

func (e engine) Load(path string, o runtime.Options) (runtime.Session, error) {
	m, err := onnx.Load(path, o.File)
	if err != nil {
		return nil, err
	}
	s, err := e.LoadModel(m, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (engine) LoadModel(m *onnx.Model, o runtime.Options) (_ runtime.Session, err error) {
	defer func() { // onnx-go panics on some models
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", ErrUnsupported, v)
		}
	}()
	s := &session{graph: New(WithOpset(onnx.Opset(m)), WithThreads(o.Threads)), meta: onnx.Metadata(m)}
	inits := onnx.Initializers(m.GetGraph())
	for _, v := range m.GetGraph().GetInput() {
		if _, ok := inits[v.GetName()]; ok {
			continue
		}
		info, err := check.Declared(v)
		if err != nil {
			return nil, fmt.Errorf("graph input %w", err)
		}
		s.inputs = append(s.inputs, runtime.Value{Name: v.GetName(), Info: info})
	}
	for _, v := range m.GetGraph().GetOutput() {
		info, err := check.Declared(v)
		if err != nil {
			return nil, fmt.Errorf("graph output %w", err)
		}
		s.outputs = append(s.outputs, runtime.Value{Name: v.GetName(), Info: info})
	}
	data, err := onnx.Marshal(m)
	if err != nil {
		return nil, err
	}
	if err := onnxgo.NewModel(s.graph).UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("onnx-go cannot decode the model: %w", err)
	}
	return s, nil
}

// session serves one Run at a time: onnx-go keeps inputs and outputs in the graph.
type session struct {
	graph           *Graph
	inputs, outputs []runtime.Value
	meta            map[string]string

	mu     sync.Mutex
	closed bool
}

func (s *session) Inputs() []runtime.Value     { return s.inputs }
func (s *session) Outputs() []runtime.Value    { return s.outputs }
func (s *session) Metadata() map[string]string { return s.meta }

func (s *session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, runtime.ErrClosed
	}
	nodes := make(map[string]*Node)
	for _, n := range s.graph.nodes {
		nodes[n.name] = n
	}
	for _, v := range s.inputs {
		t, ok := inputs[v.Name]
		n := nodes[v.Name]
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: %q is missing; the model wants %s", runtime.ErrInput, v.Name, v)
		case n == nil:
			continue // nothing reads it
		}
		value, err := toGorgonia(t)
		if err != nil {
			return nil, fmt.Errorf("%w: %q: %w", runtime.ErrInput, v.Name, err)
		}
		if err := n.SetTensor(value); err != nil {
			return nil, err
		}
	}
	if err := s.graph.RunContext(ctx); err != nil {
		return nil, err
	}
	out := make(map[string]*tensor.Tensor, len(s.outputs))
	for _, v := range s.outputs {
		n := nodes[v.Name]
		if n == nil || n.value == nil {
			return nil, fmt.Errorf("%w: output %q is lost", ErrUnsupported, v.Name)
		}
		t, err := fromGorgonia(n.value)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", v.Name, err)
		}
		out[v.Name] = t.Clone()
	}
	return out, nil
}

func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.graph.Close()
}
