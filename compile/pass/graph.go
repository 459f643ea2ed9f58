package pass

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Graph is an ONNX graph with the indexes that passes need. The indexes are those of the graph at NewGraph, kept up to
// date by the methods; a pass that edits nodes directly must not read them afterwards.
type Graph struct {
	*onnx.Graph
	// Consts holds the initializers by name.
	Consts map[string]*onnx.TensorPB
	// Uses counts how often a value is read, by nodes and as a graph output.
	Uses map[string]int
	// Producer holds the node that makes a value.
	Producer map[string]*onnx.Node
}

// NewGraph indexes g.
func NewGraph(g *onnx.Graph) *Graph {
	x := &Graph{Graph: g, Consts: onnx.Initializers(g), Uses: make(map[string]int), Producer: make(map[string]*onnx.Node)}
	for _, n := range g.GetNode() {
		for _, in := range n.GetInput() {
			x.Uses[in]++
		}
		for _, out := range n.GetOutput() {
			x.Producer[out] = n
		}
	}
	for _, out := range g.GetOutput() {
		x.Uses[out.GetName()]++
	}
	return x
}

// IsOutput reports whether a value is a graph output, whose name must stay.
func (g *Graph) IsOutput(value string) bool {
	return slices.ContainsFunc(g.GetOutput(), func(v *onnx.ValueInfo) bool { return v.GetName() == value })
}

// Remove takes nodes out.
func (g *Graph) Remove(dead map[*onnx.Node]bool) {
	g.Node = slices.DeleteFunc(g.Node, func(n *onnx.Node) bool { return dead[n] })
}

// Replace makes every node that reads old read by instead.
func (g *Graph) Replace(old, by string) {
	for _, n := range g.GetNode() {
		for i, in := range n.Input {
			if in == old {
				n.Input[i] = by
				g.Uses[old]--
				g.Uses[by]++
			}
		}
	}
}

// Copy gives a model whose graph passes may change: nodes are copied, tensors are shared (a pass replaces a tensor, it
// never writes into one).
func Copy(m *onnx.Model) *onnx.Model {
	inits := m.Graph.Initializer
	m.Graph.Initializer = nil
	c := proto.Clone(m).(*onnx.Model)
	m.Graph.Initializer = inits
	c.Graph.Initializer = slices.Clone(inits)
	return c
}

// floats gives the contents of a float32 initializer, or nil if the value is none.
func (g *Graph) floats(name string) (*tensor.Tensor, error) {
	p := g.Consts[name]
	if p == nil || tensor.DType(p.GetDataType()) != tensor.Float32 {
		return nil, nil
	}
	return onnx.Decode(p)
}

// setConst gives an initializer new contents, or adds it. The old TensorProto is left as it was: other models may share
// it.
func (g *Graph) setConst(name string, t *tensor.Tensor) string {
	p := onnx.Encode(name, t)
	if _, ok := g.Consts[name]; ok {
		i := slices.IndexFunc(g.Initializer, func(q *onnx.TensorPB) bool { return q.GetName() == name })
		g.Initializer[i] = p
	} else {
		g.Initializer = append(g.Initializer, p)
	}
	g.Consts[name] = p
	return name
}

func intAttr(n *onnx.Node, name string, def int64) int64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetI()
		}
	}
	return def
}

func floatAttr(n *onnx.Node, name string, def float32) float32 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetF()
		}
	}
	return def
}
