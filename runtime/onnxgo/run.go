package onnxgo

import (
	"context"
	"fmt"
	"strconv"

	gtensor "gorgonia.org/tensor"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// built is the graph as a session of the embedded engine, for inputs of certain types and shapes.
type built struct {
	session   runtime.Session
	signature string
	inputs    []*Node
	outputs   []*Node
}

// Run computes every output from the tensors set on the inputs. Read the results with onnx-go's
// Model.GetOutputTensors.
func (g *Graph) Run() error { return g.RunContext(context.Background()) }

// RunContext is Run that stops soon after ctx is done.
func (g *Graph) RunContext(ctx context.Context) (err error) {
	defer func() { // gorgonia's tensors panic on some shapes
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", ErrUnsupported, v)
		}
	}()
	if g.err != nil {
		return g.err
	}
	inputs, constants, err := g.inputNodes()
	if err != nil {
		return err
	}
	args := make(map[string]*tensor.Tensor, len(inputs))
	signature := ""
	for _, n := range inputs {
		if !n.fed {
			return fmt.Errorf("input %q is not set", n.name)
		}
		t, err := fromGorgonia(n.value)
		if err != nil {
			return fmt.Errorf("input %q: %w", n.name, err)
		}
		args[valueName(n)] = t
		signature += t.String()
	}
	if g.built == nil || g.built.signature != signature {
		if err := g.build(inputs, constants, args); err != nil {
			return err
		}
		g.built.signature = signature
	}
	results, err := g.built.session.Run(ctx, args)
	if err != nil {
		return err
	}
	for _, n := range g.built.outputs {
		if n.value, err = toGorgonia(results[valueName(n)]); err != nil {
			return fmt.Errorf("output %q: %w", n.name, err)
		}
	}
	return nil
}

// Close frees the session of the last Run; the graph may be run again.
func (g *Graph) Close() error {
	if g.built == nil {
		return nil
	}
	s := g.built.session
	g.built = nil
	return s.Close()
}

func (g *Graph) build(inputs, constants []*Node, args map[string]*tensor.Tensor) error {
	if err := g.Close(); err != nil {
		return err
	}
	m := &onnx.Model{IrVersion: int64(pb.Version_IR_VERSION_2021_7_30), OpsetImport: []*onnx.OpsetID{{Version: int64(g.opset)}}, Graph: &onnx.Graph{Name: "onnx-go"}}
	b := &built{inputs: inputs, outputs: g.outputNodes()}
	for _, n := range inputs {
		t := args[valueName(n)]
		m.Graph.Input = append(m.Graph.Input, onnx.NewValueInfo(valueName(n), t.DType, onnx.FixedDims(t.Shape...)))
	}
	for _, n := range constants {
		t, err := fromGorgonia(n.value)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", n.name, err)
		}
		if t.DType == tensor.Bool {
			return fmt.Errorf("%w: initializer %q is boolean, and onnx-go may have misread it", ErrUnsupported, n.name)
		}
		m.Graph.Initializer = append(m.Graph.Initializer, onnx.Encode(valueName(n), t))
	}
	for _, n := range b.outputs {
		m.Graph.Output = append(m.Graph.Output, onnx.NewValueInfo(valueName(n), tensor.Undefined, nil))
	}
	for _, c := range g.calls {
		node, err := c.node()
		if err != nil {
			return err
		}
		m.Graph.Node = append(m.Graph.Node, node)
	}
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: g.threads})
	if err != nil {
		return err
	}
	b.session = s
	g.built = b
	return nil
}

// valueName makes the model's names unique: onnx-go may hold several nodes of one name.
func valueName(n *Node) string {
	if n.name == "" {
		return ""
	}
	return n.name + "#" + strconv.FormatInt(n.id, 10)
}

func (c *call) node() (*onnx.Node, error) {
	n := &onnx.Node{OpType: c.op.Name}
	for _, out := range c.outs {
		n.Output = append(n.Output, valueName(out))
	}
	inputs := c.outs[0].inputs
	for i := range len(inputs) {
		in, ok := inputs[i]
		if !ok {
			return nil, fmt.Errorf("operator %s that makes %q has no input %d", c.op.Name, c.outs[0].name, i)
		}
		n.Input = append(n.Input, valueName(in))
	}
	for _, name := range sortedAttributes(c.op.Attributes) {
		a, err := attribute(name, c.op.Attributes[name])
		if err != nil {
			return nil, fmt.Errorf("operator %s that makes %q: %w", c.op.Name, c.outs[0].name, err)
		}
		n.Attribute = append(n.Attribute, a)
	}
	return n, nil
}

func attribute(name string, v any) (*onnx.Attribute, error) {
	switch v := v.(type) {
	case int64:
		return &onnx.Attribute{Name: name, Type: pb.AttributeProto_INT, I: v}, nil
	case float32:
		return onnx.AttrFloat(name, v), nil
	case string:
		return onnx.AttrString(name, v), nil
	case []int64:
		return &onnx.Attribute{Name: name, Type: pb.AttributeProto_INTS, Ints: v}, nil
	case []float32:
		return onnx.AttrFloats(name, v...), nil
	case []string:
		a := &onnx.Attribute{Name: name, Type: pb.AttributeProto_STRINGS}
		for _, s := range v {
			a.Strings = append(a.Strings, []byte(s))
		}
		return a, nil
	case gtensor.Tensor:
		t, err := fromGorgonia(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		if t.DType == tensor.Bool {
			return nil, fmt.Errorf("%w: attribute %q is a boolean tensor, and onnx-go may have misread it", ErrUnsupported, name)
		}
		return onnx.AttrTensor(name, onnx.Encode("", t)), nil
	}
	return nil, fmt.Errorf("%w: attribute %q of type %T", ErrUnsupported, name, v)
}
