package pass

import (
	"slices"

	"autodeeplab/onnx"
)

// remove-dead takes out the nodes, initializers and value descriptions that no graph output depends on.
//
//	b = Relu(a)
//	c = Neg(a)             b = Relu(a)
//	output b          →    output b
func removeDead(g *Graph, _ int) error {
	live := make(map[string]bool)
	read := func(names []string) {
		for _, name := range names {
			if name != "" { // an optional input that is left out
				live[name] = true
			}
		}
	}
	for _, out := range g.GetOutput() {
		live[out.GetName()] = true
	}
	dead := make(map[*onnx.Node]bool)
	for _, n := range slices.Backward(g.GetNode()) { // readers come after what they read
		if !slices.ContainsFunc(n.GetOutput(), func(v string) bool { return live[v] }) {
			dead[n] = true
			continue
		}
		read(n.GetInput())
		read(captured(n))
	}
	g.Remove(dead)
	for _, in := range g.GetInput() {
		live[in.GetName()] = true // without its initializer the input would have to be given
	}
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *onnx.TensorPB) bool { return !live[t.GetName()] })
	g.ValueInfo = slices.DeleteFunc(g.ValueInfo, func(v *onnx.ValueInfo) bool { return !live[v.GetName()] })
	return nil
}
