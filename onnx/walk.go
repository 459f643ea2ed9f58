package onnx

import "autodeeplab/onnx/pb"

// eachTensor calls f for every tensor of a model: initializers, sparse ones, and those in attributes, of the graph, its
// subgraphs, functions and training graphs. It stops at the first error.
func eachTensor(m *Model, f func(*TensorPB) error) error {
	w := tensorWalk{f: f}
	w.graph(m.GetGraph())
	for _, fn := range m.GetFunctions() {
		w.nodes(fn.GetNode())
		w.attributes(fn.GetAttributeProto())
	}
	for _, t := range m.GetTrainingInfo() {
		w.graph(t.GetInitialization())
		w.graph(t.GetAlgorithm())
	}
	return w.err
}

// tensorWalk calls f for every tensor below the message that one of its methods gets, until f fails.
type tensorWalk struct {
	f   func(*TensorPB) error
	err error
}

// tensor is the only method that calls f; after an error it does nothing, so the others need not look.
func (w *tensorWalk) tensor(t *TensorPB) {
	if t != nil && w.err == nil {
		w.err = w.f(t)
	}
}

// sparse visits the two dense tensors that make a sparse one.
func (w *tensorWalk) sparse(s *pb.SparseTensorProto) {
	w.tensor(s.GetValues())
	w.tensor(s.GetIndices())
}

// graph visits initializers before nodes, the order in which weights stand in most files.
func (w *tensorWalk) graph(g *Graph) {
	for _, t := range g.GetInitializer() {
		w.tensor(t)
	}
	for _, s := range g.GetSparseInitializer() {
		w.sparse(s)
	}
	w.nodes(g.GetNode())
}

// nodes visits the attributes of every node.
func (w *tensorWalk) nodes(nodes []*Node) {
	for _, n := range nodes {
		w.attributes(n.GetAttribute())
	}
}

// attributes visits whatever field holds tensors, not only the one that the attribute's type names: an external tensor
// in an unused field must not slip through.
func (w *tensorWalk) attributes(attrs []*Attribute) {
	for _, a := range attrs {
		w.tensor(a.GetT())
		for _, t := range a.GetTensors() {
			w.tensor(t)
		}
		w.sparse(a.GetSparseTensor())
		for _, s := range a.GetSparseTensors() {
			w.sparse(s)
		}
		if a.GetG() != nil {
			w.graph(a.GetG())
		}
		for _, g := range a.GetGraphs() {
			w.graph(g)
		}
	}
}
