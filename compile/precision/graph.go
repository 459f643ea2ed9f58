package precision

import (
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// graph is an ONNX graph with the indexes that the plans need, its nodes in topological order.
type graph struct {
	*onnx.Graph
	model   *onnx.Model
	opset   int
	info    map[string]*op.Info
	consts  map[string]*onnx.TensorPB
	readers map[string][]*onnx.Node
	maker   map[string]*onnx.Node
	output  map[string]bool
	values  map[string]bool // names taken
	nodes   map[string]bool
}

// newGraph indexes m's graph, whose nodes it sorts.
func newGraph(m *onnx.Model) (*graph, error) {
	r, err := pass.Infer(m)
	if err != nil {
		return nil, err
	}
	g := &graph{
		Graph: m.Graph, model: m, opset: onnx.Opset(m), info: r.Values, consts: onnx.Initializers(m.Graph),
		readers: make(map[string][]*onnx.Node), maker: make(map[string]*onnx.Node), output: make(map[string]bool),
		values: make(map[string]bool), nodes: make(map[string]bool),
	}
	for _, in := range g.Input {
		delete(g.consts, in.GetName())
	}
	for name := range r.Values {
		g.values[name] = true
	}
	g.Node = nil
	for _, n := range r.Nodes {
		g.Node = append(g.Node, n.Node)
		g.nodes[n.Node.GetName()] = true
		for _, in := range n.Node.GetInput() {
			g.readers[in] = append(g.readers[in], n.Node)
		}
		for _, out := range n.Node.GetOutput() {
			g.maker[out] = n.Node
		}
	}
	for _, out := range g.Output {
		g.output[out.GetName()] = true
	}
	return g, nil
}

// float reports whether a value is a float32 that is computed or given, not a constant.
func (g *graph) float(value string) bool {
	v := g.info[value]
	return value != "" && v != nil && v.DType == tensor.Float32 && g.consts[value] == nil
}

// fresh takes a name that is free: name itself if it is.
func fresh(taken map[string]bool, name string) string {
	for taken[name] {
		name += "_"
	}
	taken[name] = true
	return name
}

// node makes a node of one output, which bears the name of the output.
func (g *graph) node(kind string, inputs []string, output string, attrs ...*onnx.Attribute) *onnx.Node {
	return onnx.NewNode(kind, fresh(g.nodes, output), inputs, []string{output}, attrs...)
}

// constant adds an initializer under a name like name, and gives it.
func (g *graph) constant(name string, t *tensor.Tensor) string {
	name = fresh(g.values, name)
	g.Initializer = append(g.Initializer, onnx.Encode(name, t))
	return name
}

// cleared takes out what no output depends on any more: weights that got another type.
func cleared(m *onnx.Model) error {
	var table []pass.Pass
	for _, p := range pass.All {
		if p.Name == "remove-dead" {
			table = append(table, p)
		}
	}
	return pass.Run(m, table, nil)
}

func stringAttr(n *onnx.Node, name, def string) string {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return string(a.GetS())
		}
	}
	return def
}

// plain reports whether a node is of ai.onnx and makes one value.
func plain(n *onnx.Node) bool {
	return (n.GetDomain() == "" || n.GetDomain() == "ai.onnx") && len(n.GetOutput()) == 1 && len(n.GetInput()) > 0
}
