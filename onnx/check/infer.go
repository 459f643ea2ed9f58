// Package check walks whole models: Infer resolves every operator, sorts the nodes and propagates types, shapes and
// shape arithmetic; Model lists everything that is wrong with a model.
package check

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"sort"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Options configures Infer and Model.
type Options struct {
	// Limits bounds every tensor; nil means op.DefaultLimits.
	Limits *op.Limits
	// Inputs replaces what the model declares of graph inputs, by name: usually sizes for dynamic axes.
	Inputs map[string]op.Info
}

func (o *Options) limits() *op.Limits {
	if o.Limits != nil {
		return o.Limits
	}
	return &op.DefaultLimits
}

// NodeInfo is one node with its resolved schema and attributes (Call) and what inference found of its inputs and
// outputs. Index is the node's place in the file.
type NodeInfo struct {
	Node  *onnx.Node
	Index int
	Call  *op.Call
}

// Result is a model as inference sees it.
type Result struct {
	// Nodes are in topological order, equal ones in file order.
	Nodes []*NodeInfo
	// Values holds every graph input, initializer and node output by name.
	Values map[string]*op.Info
}

// NodeError is an error about one node.
type NodeError struct {
	Index    int // in the file
	Name, Op string
	Err      error
}

// Error writes `node "cell0/…/Conv" (Conv): …`, or `node #12 (Conv): …` for a node without a name; names as
// onnx.Printable does.
func (e *NodeError) Error() string {
	if e.Name == "" {
		return onnx.Printable(fmt.Sprintf("node #%d (%s): %v", e.Index, e.Op, e.Err))
	}
	return onnx.Printable(fmt.Sprintf("node %q (%s): %v", e.Name, e.Op, e.Err))
}

// Unwrap gives the cause.
func (e *NodeError) Unwrap() error { return e.Err }

func nodeError(n *onnx.Node, index int, err error) error {
	return &NodeError{Index: index, Name: n.GetName(), Op: n.GetOpType(), Err: err}
}

// ErrOpset is wrapped by the error for a model whose operator set is missing, too old or too new.
var ErrOpset = errors.New("unsupported operator set")

// Graph is a model whose nodes are resolved and sorted and whose initializers are decoded, once, so that it can be
// inferred many times for different input sizes. It is read-only after Prepare.
type Graph struct {
	Model  *onnx.Model
	Opset  int
	Order  []int               // indices into Model.Graph.Node, topologically sorted
	Consts map[string]*op.Info // the initializers
	Inputs []*onnx.ValueInfo   // the graph inputs that are not initializers
	calls  map[int]*op.Call    // by node index: schema and attributes only
	limits *op.Limits
}

// Infer is Prepare followed by Graph.Infer. It stops at the first error, a *NodeError where a node is to blame.
func Infer(m *onnx.Model, o Options) (*Result, error) {
	g, err := Prepare(m, o.limits())
	if err != nil {
		return nil, err
	}
	return g.Infer(o.Inputs)
}

// Prepare resolves and sorts m's nodes and decodes its initializers. nil limits mean op.DefaultLimits.
func Prepare(m *onnx.Model, limits *op.Limits) (*Graph, error) { return PrepareBut(m, limits, nil) }

// PrepareBut is Prepare without decoding the initializers named in later: of these, only type and shape are known.
func PrepareBut(m *onnx.Model, limits *op.Limits, later map[string]*onnx.TensorPB) (*Graph, error) {
	if limits == nil {
		limits = &op.DefaultLimits
	}
	opset := onnx.Opset(m)
	if opset < op.OldestOpset || opset > op.NewestOpset {
		return nil, fmt.Errorf("%w: the model imports ai.onnx %d, want %d to %d", ErrOpset, opset, op.OldestOpset, op.NewestOpset)
	}
	g := &Graph{Model: m, Opset: opset, Consts: make(map[string]*op.Info), calls: make(map[int]*op.Call), limits: limits}
	for _, t := range m.GetGraph().GetInitializer() {
		d, shape, err := onnx.Inspect(t)
		if err != nil {
			return nil, fmt.Errorf("initializer: %w", err)
		}
		if n, _ := tensor.NumElems(shape); n > limits.MaxElems {
			return nil, fmt.Errorf("initializer %q: %w: %d elements, at most %d are allowed (--limit tensor-elements)", t.GetName(), op.ErrLimit, n, limits.MaxElems)
		}
		if _, twice := g.Consts[t.GetName()]; twice {
			return nil, fmt.Errorf("initializer %q stands twice", t.GetName())
		}
		info := op.Of(d, shape...)
		if later[t.GetName()] == nil {
			v, err := onnx.Decode(t)
			if err != nil {
				return nil, fmt.Errorf("initializer: %w", err)
			}
			info = op.Const(v)
		}
		g.Consts[t.GetName()] = &info
	}
	for _, in := range m.GetGraph().GetInput() {
		if _, ok := g.Consts[in.GetName()]; !ok {
			g.Inputs = append(g.Inputs, in)
		}
	}
	order, err := sortNodes(m.GetGraph(), g.Consts)
	if err != nil {
		return nil, err
	}
	g.Order = order
	for i, n := range m.GetGraph().GetNode() {
		c, err := op.Resolve(n, opset, nil, limits)
		if err != nil {
			return nil, nodeError(n, i, err)
		}
		g.calls[i] = c
	}
	return g, nil
}

// sortNodes orders the nodes so that each comes after the producers of its inputs, ties by place in the file (Kahn's
// algorithm over a list that is usually sorted already).
func sortNodes(graph *onnx.Graph, consts map[string]*op.Info) ([]int, error) {
	nodes := graph.GetNode()
	producer := make(map[string]int)
	given := make(map[string]bool, len(consts)+len(graph.GetInput()))
	for name := range consts {
		given[name] = true
	}
	for _, in := range graph.GetInput() {
		given[in.GetName()] = true
	}
	for i, n := range nodes {
		for _, out := range n.GetOutput() {
			if out == "" {
				continue
			}
			if j, twice := producer[out]; twice {
				return nil, nodeError(n, i, fmt.Errorf("output %q is already an output of node #%d", out, j))
			}
			if given[out] {
				return nil, nodeError(n, i, fmt.Errorf("output %q is already a graph input or initializer", out))
			}
			producer[out] = i
		}
	}
	waiting := make([]int, len(nodes)) // producers that are not yet placed, counted per use
	users := make([][]int, len(nodes))
	ready := new(intHeap)
	for i, n := range nodes {
		for _, in := range n.GetInput() {
			p, made := producer[in]
			switch {
			case in == "" || given[in]:
			case !made:
				return nil, nodeError(n, i, fmt.Errorf("input %q is not defined: no graph input, initializer or node output has that name", in))
			default:
				waiting[i]++
				users[p] = append(users[p], i)
			}
		}
		if waiting[i] == 0 {
			heap.Push(ready, i)
		}
	}
	order := make([]int, 0, len(nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, i)
		for _, u := range users[i] {
			if waiting[u]--; waiting[u] == 0 {
				heap.Push(ready, u)
			}
		}
	}
	if len(order) < len(nodes) {
		for i, n := range nodes {
			if waiting[i] > 0 {
				return nil, nodeError(n, i, errors.New("it lies on or behind a cycle: the graph must be acyclic"))
			}
		}
	}
	for _, out := range graph.GetOutput() {
		if _, made := producer[out.GetName()]; !made && !given[out.GetName()] {
			return nil, fmt.Errorf("graph output %q is not defined: no node makes it", out.GetName())
		}
	}
	return order, nil
}

// intHeap is a min-heap, so that ready nodes leave in file order.
type intHeap struct{ sort.IntSlice }

func (h *intHeap) Push(v any) { h.IntSlice = append(h.IntSlice, v.(int)) }

func (h *intHeap) Pop() any {
	last := len(h.IntSlice) - 1
	v := h.IntSlice[last]
	h.IntSlice = h.IntSlice[:last]
	return v
}

// Infer propagates types, shapes and shape arithmetic through the graph. inputs replaces what the model declares of
// graph inputs, by name.
func (g *Graph) Infer(inputs map[string]op.Info) (*Result, error) {
	nodes := g.Model.GetGraph().GetNode()
	r := &Result{Values: make(map[string]*op.Info, len(g.Consts)+2*len(nodes))}
	for name, c := range g.Consts {
		r.Values[name] = c
	}
	for _, in := range g.Inputs {
		info, err := Declared(in)
		if given, ok := inputs[in.GetName()]; ok {
			info, err = given, nil
		}
		if err != nil {
			return nil, fmt.Errorf("graph input %w", err)
		}
		r.Values[in.GetName()] = &info
	}
	for _, i := range g.Order {
		n := nodes[i]
		c := *g.calls[i]
		c.In = make([]*op.Info, len(n.GetInput()))
		for k, name := range n.GetInput() {
			if name != "" {
				c.In[k] = r.Values[name]
			}
		}
		c.Out = make([]op.Info, len(n.GetOutput()))
		if err := op.Infer(&c); err != nil {
			return nil, nodeError(n, i, err)
		}
		for k, name := range n.GetOutput() {
			if name != "" {
				r.Values[name] = &c.Out[k]
			}
		}
		r.Nodes = append(r.Nodes, &NodeInfo{Node: n, Index: i, Call: &c})
	}
	return r, nil
}

// Declared reads what a ValueInfo says of a tensor. The error (which begins with the quoted name) is for values that
// are no dense tensors and for impossible dimensions.
func Declared(v *onnx.ValueInfo) (op.Info, error) {
	tt := v.GetType().GetTensorType()
	if tt == nil {
		return op.Info{}, fmt.Errorf("%q has no tensor type (only dense tensors are supported)", v.GetName())
	}
	info := op.Info{DType: tensor.DType(tt.GetElemType())}
	if info.DType == tensor.Undefined {
		return op.Info{}, fmt.Errorf("%q has no element type", v.GetName())
	}
	if tt.GetShape() == nil {
		return info, nil
	}
	info.Dims = make([]op.Dim, 0, len(tt.GetShape().GetDim()))
	for k, d := range tt.GetShape().GetDim() {
		dim, ok := dimOf(d)
		if !ok {
			return op.Info{}, fmt.Errorf("%q has dimension %d of size %d, want 0 or more", v.GetName(), k, d.GetDimValue())
		}
		info.Dims = append(info.Dims, dim)
	}
	return info, nil
}

func dimOf(d *onnx.Dim) (op.Dim, bool) {
	if name := d.GetDimParam(); name != "" || d.GetValue() == nil {
		return op.Named(name), true
	}
	n := d.GetDimValue()
	if n < 0 || n > math.MaxInt {
		return op.Dim{}, false
	}
	return op.Known(int(n)), true
}
