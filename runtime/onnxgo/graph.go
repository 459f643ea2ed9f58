// Package onnxgo is a backend for github.com/owulveryck/onnx-go that runs its graphs in this project's embedded engine:
// onnx.NewModel(onnxgo.New()) executes Auto-DeepLab, and any other model of the operators that the engine claims, in a
// program already written for onnx-go.
//
// onnx-go's decoder carries less than the file holds. Each of these limits is an error, at decoding or at Run, and
// never a wrong number:
//
//   - The opset version does not reach a backend. New assumes DefaultOpset; WithOpset says otherwise. Operators whose
//     meaning changed between versions without a change of attributes or inputs (see ambiguous) are refused unless
//     WithOpset was given.
//   - Operator domains do not reach a backend either: every operator is taken for one of ai.onnx.
//   - Dynamic dimensions are dropped from the declared shape of an input, so inputs take the shape of the tensor that
//     SetInput is given.
//   - Tensors of type float16 and bfloat16, sequences, maps and subgraphs are refused by onnx-go itself; boolean
//     constants are refused here, because onnx-go misreads those stored as raw_data.
//   - Model.SetInput(i) addresses node i of the graph, which is input i only if no initializer stands among the graph
//     inputs (IR version 3 files list them there). Set the tensor on the node of GetNodeByName for those.
//   - metadata_props, value names of inputs left out, and external data are not seen.
package onnxgo

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	gtensor "gorgonia.org/tensor"

	"autodeeplab/onnx/op"
	"autodeeplab/runtime"
)

// DefaultOpset is the operator set that New assumes: the one that this project's compiler writes.
const DefaultOpset = 17

// ErrUnsupported is wrapped by the errors for what onnx-go's decoder cannot carry or the embedded engine does not claim.
var ErrUnsupported = errors.New("not supported by the onnx-go backend")

// Graph is a computation graph that onnx-go decodes a model into. It is not safe for concurrent use, as onnx-go's own
// backends are not.
type Graph struct {
	*simple.WeightedDirectedGraph
	opset    int
	explicit bool // WithOpset was given
	threads  int
	nodes    []*Node // by id
	calls    []call
	built    *built // the session for the present input shapes, nil before the first Run
	err      error  // what an edge could not report when it was set
}

var _ backend.ComputationBackend = (*Graph)(nil)

// call is one operator with its outputs; its inputs are the edges of the first output.
type call struct {
	op   onnxgo.Operation
	outs []*Node
}

// Option configures New.
type Option func(*Graph)

// WithOpset tells which version of the ai.onnx operator set the model imports, which onnx-go does not pass on.
func WithOpset(version int) Option {
	return func(g *Graph) { g.opset, g.explicit = version, true }
}

// WithThreads sets how many threads Run uses; 0 means GOMAXPROCS.
func WithThreads(n int) Option { return func(g *Graph) { g.threads = n } }

// New makes an empty graph for onnx.NewModel.
func New(options ...Option) *Graph {
	g := &Graph{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0), opset: DefaultOpset}
	for _, o := range options {
		o(g)
	}
	return g
}

// Node is one value (tensor) of the graph.
type Node struct {
	id       int64
	name     string
	graph    *Graph
	value    gtensor.Tensor
	decoded  int           // how often onnx-go's decoder set a tensor
	fed      bool          // the user set a tensor
	produced bool          // an operator makes it
	inputs   map[int]*Node // of the operator that makes it, by position
	used     bool          // an operator takes it
}

// ID is the node's number in its graph.
func (n *Node) ID() int64 { return n.id }

// SetName is called by onnx-go's decoder with the value's name.
func (n *Node) SetName(name string) { n.name = name }

// GetName gives the value's name in the model.
func (n *Node) GetName() string { return n.name }

// SetTensor gives an input its contents. The decoder calls it too: with the contents of an initializer, or with a
// zeroed placeholder for each value that the model declares.
func (n *Node) SetTensor(t gtensor.Tensor) error {
	if n.graph.decoding() {
		n.decoded++
	} else {
		n.fed = true
	}
	n.value = t
	return nil
}

// GetTensor gives an input's or initializer's contents, or after Run an output's.
func (n *Node) GetTensor() gtensor.Tensor { return n.value }

// decoding reports whether onnx-go is still declaring values: it does so before it applies the first operator.
func (g *Graph) decoding() bool { return len(g.calls) == 0 }

// NewNode makes a node with the next number: onnx-go relies on the i-th graph input being node i.
func (g *Graph) NewNode() graph.Node {
	n := &Node{id: int64(len(g.nodes)), graph: g, inputs: make(map[int]*Node)}
	g.nodes = append(g.nodes, n)
	return n
}

// SetWeightedEdge records that the value e.From is computed from the value e.To, whose position among the operator's
// inputs is the weight. An operator may take one value twice; both positions are kept.
func (g *Graph) SetWeightedEdge(e graph.WeightedEdge) {
	from, to := e.From().(*Node), e.To().(*Node)
	from.inputs[int(e.Weight())] = to
	to.used = true
	if from == to {
		g.err = fmt.Errorf("value %q is computed from itself", from.name)
		return
	}
	g.WeightedDirectedGraph.SetWeightedEdge(e)
}

// ambiguous lists operators whose result differs between opset versions though node, attributes and inputs are the
// same, with the version that changed it.
var ambiguous = map[string]int{"Softmax": 13, "LogSoftmax": 13}

// ApplyOperation takes one operator and the values that it makes, in order.
func (g *Graph) ApplyOperation(o onnxgo.Operation, outs ...graph.Node) error {
	if g.err != nil {
		return g.err
	}
	c := call{op: o}
	for _, out := range outs {
		n := out.(*Node)
		if n.produced && n.name != "" {
			return fmt.Errorf("value %q is made by two operators", n.name)
		}
		n.produced = true
		c.outs = append(c.outs, n)
	}
	schema, err := op.Lookup("", o.Name, g.opset)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if schema.MaxInputs == 0 { // onnx-go invents an input for an operator without any (Constant)
		for _, n := range c.outs {
			for _, invented := range n.inputs {
				invented.used = false
			}
			clear(n.inputs)
		}
	}
	if !runtime.Claims(o.Name) {
		return fmt.Errorf("%w: operator %s has no kernel", ErrUnsupported, o.Name)
	}
	if v, ok := ambiguous[o.Name]; ok && !g.explicit {
		return fmt.Errorf("%w: %s means something else from opset %d on, and onnx-go does not pass the opset version on; use onnxgo.New(onnxgo.WithOpset(…))", ErrUnsupported, o.Name, v)
	}
	g.calls = append(g.calls, c)
	return nil
}

// inputNodes splits the values that no operator makes. onnx-go creates nodes for graph inputs first, then for declared
// intermediate values and outputs, then for initializers; so what precedes the first made value is a graph input, and
// it is an initializer as well if the decoder set it a second time.
func (g *Graph) inputNodes() (inputs, constants []*Node, err error) {
	first := slices.IndexFunc(g.nodes, func(n *Node) bool { return n.produced })
	for i, n := range g.nodes {
		switch {
		case n.produced || !n.used || n.name == "":
		case i < first && n.decoded < 2:
			inputs = append(inputs, n)
		case n.value == nil:
			return nil, nil, fmt.Errorf("value %q is not defined: no graph input, initializer or operator output has that name", n.name)
		default:
			constants = append(constants, n)
		}
	}
	return inputs, constants, nil
}

// outputNodes lists the values that may be graph outputs: what nothing consumes, and what the model declares (onnx-go
// does not say which declared values are outputs).
func (g *Graph) outputNodes() []*Node {
	var outs []*Node
	for _, n := range g.nodes {
		if n.produced && n.name != "" && (!n.used || n.decoded > 0) {
			outs = append(outs, n)
		}
	}
	return outs
}

func sortedAttributes(attrs map[string]any) []string { return slices.Sorted(maps.Keys(attrs)) }
