package pass

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Graph is an ONNX graph with the indexes that passes need. The indexes are those of the graph at NewGraph, kept up to
// date by the methods; a pass that edits nodes directly must not read them afterwards.
type Graph struct {
	*onnx.Graph
	// Consts holds the initializers by name, without those that are graph inputs too: a caller may give these others.
	Consts map[string]*onnx.TensorPB
	// Uses counts how often a value is read: by nodes, as a graph output, and by the graphs inside nodes.
	Uses map[string]int
	// Producer holds the node that makes a value.
	Producer map[string]*onnx.Node
	// Fixed holds the values whose names must stay: graph outputs, and what graphs inside nodes read.
	Fixed map[string]bool
	names map[string]bool // all that are taken by values
	nodes map[string]bool // and by nodes
}

// NewGraph indexes g.
func NewGraph(g *onnx.Graph) *Graph {
	x := &Graph{
		Graph: g, Consts: onnx.Initializers(g), Uses: make(map[string]int), Producer: make(map[string]*onnx.Node),
		Fixed: make(map[string]bool), names: make(map[string]bool), nodes: make(map[string]bool),
	}
	for name := range x.Consts {
		x.names[name] = true
	}
	for _, in := range g.GetInput() {
		delete(x.Consts, in.GetName())
		x.names[in.GetName()] = true
	}
	for _, n := range g.GetNode() {
		x.nodes[n.GetName()] = true
		for _, in := range n.GetInput() {
			x.Uses[in]++
		}
		for _, out := range n.GetOutput() {
			x.Producer[out] = n
			x.names[out] = true
		}
		for _, inner := range captured(n) {
			x.Uses[inner]++
			x.Fixed[inner] = true
		}
	}
	for _, out := range g.GetOutput() {
		x.Uses[out.GetName()]++
		x.Fixed[out.GetName()] = true
	}
	return x
}

// captured lists what the graphs in a node's attributes read, their own values included: a name that one of them makes
// itself cannot be one of the graph around it.
func captured(n *onnx.Node) []string {
	var names []string
	inner := func(g *onnx.Graph) {
		for _, n := range g.GetNode() {
			names = append(append(names, n.GetInput()...), captured(n)...)
		}
		for _, out := range g.GetOutput() {
			names = append(names, out.GetName())
		}
	}
	for _, a := range n.GetAttribute() {
		inner(a.GetG())
		for _, g := range a.GetGraphs() {
			inner(g)
		}
	}
	return names
}

// is reports whether a node is an operator of ai.onnx with at least so many inputs and one named output; a graph that
// fails this is for the checker to refuse, not for a pass to trip over.
func is(n *onnx.Node, op string, inputs int) bool {
	return n.GetOpType() == op && (n.GetDomain() == "" || n.GetDomain() == "ai.onnx") &&
		len(n.GetInput()) >= inputs && len(n.GetOutput()) > 0 && n.GetOutput()[0] != ""
}

// fresh gives a name that no value has yet: name itself if it is free.
func (g *Graph) fresh(name string) string {
	for g.names[name] {
		name += "_"
	}
	g.names[name] = true
	return name
}

// freshNode is fresh for the names of nodes; one without a name stays so.
func (g *Graph) freshNode(name string) string {
	for name != "" && g.nodes[name] {
		name += "_"
	}
	g.nodes[name] = true
	return name
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

// renames are many calls of Replace at once, for passes that replace thousands of values: each looks at all nodes.
type renames map[string]string

// read makes a node's inputs what they have been renamed to.
func (r renames) read(g *Graph, n *onnx.Node) {
	for i, old := range n.Input {
		in := old
		for range len(r) { // a cycle, which the checker refuses, ends too
			by, ok := r[in]
			if !ok {
				break
			}
			in = by
		}
		if in != old {
			n.Input[i] = in
			g.Uses[old]--
			g.Uses[in]++
		}
	}
}

// finish does so for all nodes but the dead ones, which it removes: nodes may stand before what they read.
func (r renames) finish(g *Graph, dead map[*onnx.Node]bool) {
	g.Remove(dead)
	for _, n := range g.GetNode() {
		r.read(g, n)
	}
}

// Copy gives a model whose graph passes may change: nodes are copied, tensors are shared (a pass replaces a tensor, it
// never writes into one). m is only read.
func Copy(m *onnx.Model) *onnx.Model {
	if m.GetGraph() == nil {
		return proto.Clone(m).(*onnx.Model)
	}
	bare, graph := shallow(m), shallow(m.Graph)
	bare.Graph, graph.Initializer = graph, nil
	c := proto.Clone(bare).(*onnx.Model)
	c.Graph.Initializer = slices.Clone(m.Graph.Initializer)
	return c
}

// shallow gives a message that shares all its fields with m.
func shallow[M proto.Message](m M) M {
	from := m.ProtoReflect()
	to := from.New()
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(f, v)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	return to.Interface().(M)
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

// derived adds a constant made out of another, a weight, and gives its name. A weight of which there is one reader is
// replaced, where own is set. Else the new one takes the name with suffix in the place of "/weight", and made keeps it
// for the next reader that wants the same: what says how it is made.
func (g *Graph) derived(weight string, own bool, suffix, what string, made map[string]string, build func() *tensor.Tensor) string {
	key := weight + "\x00" + suffix + what
	if name, ok := made[key]; ok {
		return name
	}
	name := weight
	if !own || g.Uses[weight] != 1 {
		name = g.fresh(strings.TrimSuffix(weight, "/weight") + suffix)
		if g.Uses[weight] > 1 {
			made[key] = name
		}
	}
	return g.setConst(name, build())
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

func stringAttr(n *onnx.Node, name, def string) string {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return string(a.GetS())
		}
	}
	return def
}

// intsAttr gives a list of integers, nil where the node has none of the name.
func intsAttr(n *onnx.Node, name string) []int64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetInts()
		}
	}
	return nil
}
