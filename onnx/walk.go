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

func (w *tensorWalk) tensor(t *TensorPB) {
	if t != nil && w.err == nil {
		w.err = w.f(t)
	}
}

func (w *tensorWalk) sparse(s *pb.SparseTensorProto) {
	w.tensor(s.GetValues())
	w.tensor(s.GetIndices())
}

func (w *tensorWalk) graph(g *Graph) {
	for _, t := range g.GetInitializer() {
		w.tensor(t)
	}
	for _, s := range g.GetSparseInitializer() {
		w.sparse(s)
	}
	w.nodes(g.GetNode())
}

func (w *tensorWalk) nodes(nodes []*Node) {
	for _, n := range nodes {
		w.attributes(n.GetAttribute())
	}
}

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
