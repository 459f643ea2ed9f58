package compile

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// assembly builds a graph out of nodes and of copies of other graphs.
type assembly struct {
	graph  *onnx.Graph
	opset  int
	values map[string]bool // names taken
	nodes  map[string]bool
	inits  map[string]*onnx.TensorPB
}

func newAssembly(opset int) *assembly {
	return &assembly{
		graph: &onnx.Graph{}, opset: opset,
		values: make(map[string]bool), nodes: make(map[string]bool), inits: make(map[string]*onnx.TensorPB),
	}
}

// fresh takes a name that is free: name itself if it is.
func fresh(taken map[string]bool, name string) string {
	for taken[name] {
		name += "_"
	}
	taken[name] = true
	return name
}

// node adds a node of one output and gives the output's name, that of the node where it is free.
func (b *assembly) node(op, name string, inputs []string, attrs ...*onnx.Attribute) string {
	out := fresh(b.values, name)
	b.graph.Node = append(b.graph.Node, onnx.NewNode(op, fresh(b.nodes, name), inputs, []string{out}, attrs...))
	return out
}

// constant adds an initializer, once.
func (b *assembly) constant(name string, t *tensor.Tensor) string {
	if b.inits[name] == nil {
		b.inits[name] = onnx.Encode(fresh(b.values, name), t)
		b.graph.Initializer = append(b.graph.Initializer, b.inits[name])
	}
	return b.inits[name].GetName()
}

func (b *assembly) ints(name string, v ...int64) string {
	return b.constant(name, tensor.Of(v, len(v)))
}

// add copies a graph of one input in, reading picture in place of it, and gives the name that its value result has
// here. prefix goes before the names of nodes and values; a tensor that is there already, the very same, is shared.
func (b *assembly) add(g *onnx.Graph, prefix, image, picture, result string) string {
	names := map[string]string{"": "", image: picture}
	for _, t := range g.GetInitializer() {
		name := t.GetName()
		switch have := b.inits[name]; {
		case have == t:
			names[name] = have.GetName()
			continue
		case have != nil || b.values[name]:
			name = fresh(b.values, prefix+name)
		default:
			b.values[name] = true
		}
		names[t.GetName()] = name
		if name != t.GetName() {
			t = renamed(t, name)
		}
		b.inits[name] = t
		b.graph.Initializer = append(b.graph.Initializer, t)
	}
	for _, n := range g.GetNode() {
		for i, out := range n.Output {
			if out != "" {
				names[out] = fresh(b.values, prefix+out)
				n.Output[i] = names[out]
			}
		}
		if n.GetName() != "" {
			n.Name = fresh(b.nodes, prefix+n.GetName())
		}
		b.graph.Node = append(b.graph.Node, n)
	}
	for _, n := range g.GetNode() { // after all outputs: nodes may stand in any order
		for i, in := range n.Input {
			if name, ok := names[in]; ok {
				n.Input[i] = name
			}
		}
	}
	if name, ok := names[result]; ok {
		return name
	}
	return result
}

// renamed gives a tensor of another name that shares t's data.
func renamed(t *onnx.TensorPB, name string) *onnx.TensorPB {
	out := &onnx.TensorPB{}
	from, to := t.ProtoReflect(), out.ProtoReflect()
	from.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(f, v)
		return true
	})
	out.Name = name
	return out
}

// rename gives a value the name that the graph's output is to have; a value that no node makes is copied.
func (b *assembly) rename(value, name string) {
	if value == name {
		return
	}
	made := slices.ContainsFunc(b.graph.Node, func(n *onnx.Node) bool { return slices.Contains(n.Output, value) })
	if b.values[name] { // one within the network; it makes room
		b.replace(name, fresh(b.values, name+"/inner"))
	}
	b.values[name] = true
	if !made {
		b.graph.Node = append(b.graph.Node, onnx.NewNode("Identity", fresh(b.nodes, name), []string{value}, []string{name}))
		return
	}
	b.replace(value, name)
}

// replace renames a value wherever it is made and read.
func (b *assembly) replace(value, name string) {
	for _, n := range b.graph.Node {
		for _, list := range [][]string{n.Input, n.Output} {
			for i := range list {
				if list[i] == value {
					list[i] = name
				}
			}
		}
	}
	if i := slices.IndexFunc(b.graph.Initializer, func(t *onnx.TensorPB) bool { return t.GetName() == value }); i >= 0 {
		b.graph.Initializer[i] = renamed(b.graph.Initializer[i], name)
	}
}

// resize adds a Resize to the sizes that a value holds. like gives the attributes; nil means bilinear, align_corners.
func (b *assembly) resize(name, x, sizes string, like *onnx.Node) string {
	attrs := []*onnx.Attribute{onnx.AttrString("coordinate_transformation_mode", "align_corners"), onnx.AttrString("mode", "linear")}
	if like != nil {
		attrs = like.GetAttribute()
	}
	roi, scales := "", ""
	if b.opset < 13 { // where they are not optional yet, though nothing reads them here
		roi = b.constant("resize/roi", tensor.Of([]float32{}, 0))
		scales = b.constant("resize/scales", tensor.Of([]float32{}, 0))
	}
	return b.node("Resize", name, []string{x, roi, scales, sizes}, attrs...)
}
