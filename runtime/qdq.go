package runtime

import (
	"context"
	"slices"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime/internal/exec"
)

// Quantised models keep float operators between DequantizeLinear (DQ) and QuantizeLinear (Q), and leave it to the engine
// to compute them on what is stored. These are the rules by which this one does:
//
//	x → DQ → Conv → [Relu] → Q → y        becomes  x → Conv of bytes → y
//	w → DQ ───┘ └── DQ ← b
//	x, y → DQ, DQ → Add → [Relu] → Q      becomes  Add of bytes
//	x, y → DQ, DQ → Concat → Q            becomes  Concat, each part by a table of 256 where scales differ
//	x → DQ → Relu → Q                     becomes  a table
//	x → DQ → Slice, Transpose … → Q       becomes  the same on bytes, where both scales are equal
//
// A DQ that nobody reads any more goes. All but the convolution give the bits that the float operators would; it sums
// exactly in 32 bits, where float32 rounds, and brings sums to the output's scale by one product, as ONNX Runtime does.

// byteRule is one of them: it looks at a node before a Q, with or without a Relu in between.
type byteRule struct {
	op   string
	relu bool // it can take a Relu over
	make func(q *quantised) (exec.Kernel, error)
}

var byteRules = []byteRule{
	{"Conv", true, bytesConv},
	{"Add", true, bytesAdd},
	{"Concat", false, bytesConcat},
	{"Relu", false, bytesRelu},
	{"Slice", false, bytesMove},
	{"Transpose", false, bytesMove},
	{"MaxPool", false, bytesMove},
}

// quantised is a match that a rule is to make a kernel for.
type quantised struct {
	f    *fusion
	node *check.NodeInfo
	relu bool
	to   kernel.ByteParams
	// in is what the kernel is to read, by value name.
	in []string
	// copies says that the step is not what its node was: a Concat that the inputs must not be joined for in place.
	copies bool
}

// least is the lowest number to be stored.
func (q *quantised) least() uint8 {
	if q.relu {
		return q.to.Zero
	}
	return 0
}

// made finds the node that makes a value, if it is of the given operator; −1 if not.
func (f *fusion) made(name, opType string) int {
	n, ok := f.s.numbers[name]
	if !ok || name == "" {
		return -1
	}
	i, ok := f.maker[n]
	if !ok || f.nodes[i].Node.GetOpType() != opType || f.nodes[i].Node.GetDomain() != "" && f.nodes[i].Node.GetDomain() != "ai.onnx" {
		return -1
	}
	return i
}

// only reports whether a value has one reader, which is a node that may be computed along with the value's own. No rule
// applies without it; in an unfused session none does.
func (f *fusion) only(name string) bool {
	n := f.s.numbers[name]
	return !f.s.unfused && f.readers[n] == 1 && !f.s.values[n].output
}

// constant gives a value's contents if the model fixes them.
func (f *fusion) constant(name string) *tensor.Tensor {
	if n, ok := f.s.numbers[name]; ok {
		return f.s.values[n].constant
	}
	return nil
}

// input gives the name of a node's input, "" if it is left out.
func input(n *onnx.Node, i int) string {
	if i < len(n.GetInput()) {
		return n.GetInput()[i]
	}
	return ""
}

// params reads the scale and zero point of a Q or DQ of uint8, if they are constants and single.
func (f *fusion) params(i int, stored tensor.DType) (p kernel.ByteParams, ok bool) {
	n := f.nodes[i].Node
	scale := f.constant(input(n, 1))
	if stored != tensor.Uint8 || scale == nil || scale.DType != tensor.Float32 || scale.NumElems() != 1 {
		return p, false
	}
	p.Scale = tensor.Data[float32](scale)[0]
	if name := input(n, 2); name != "" {
		zero := f.constant(name)
		if zero == nil || zero.DType != tensor.Uint8 || zero.NumElems() != 1 {
			return p, false
		}
		p.Zero = tensor.Data[uint8](zero)[0]
	}
	return p, p.Scale > 0
}

// stored gives what a DQ of uint8 reads, for a value that such a DQ makes.
func (f *fusion) stored(name string) (from string, p kernel.ByteParams, ok bool) {
	i := f.made(name, "DequantizeLinear")
	if i < 0 || f.nodes[i].Call.Out[0].DType != tensor.Float32 {
		return "", p, false
	}
	from = f.nodes[i].Node.GetInput()[0]
	p, ok = f.params(i, f.nodes[i].Call.In[0].DType)
	return from, p, ok
}

// replacement is a step in the place of several nodes.
type replacement struct {
	info   *check.NodeInfo
	in     []string
	kernel exec.Kernel
}

// bytes finds what the rules apply to. steps holds the replacement of each Q, and gone the nodes that are not to run.
func (f *fusion) bytes() (steps map[int]replacement, gone []bool, err error) {
	steps, gone = make(map[int]replacement), make([]bool, len(f.nodes))
	for i, n := range f.nodes {
		if n.Node.GetOpType() != "QuantizeLinear" || n.Call.In[0].DType != tensor.Float32 {
			continue
		}
		to, ok := f.params(i, n.Call.Out[0].DType)
		from := n.Node.GetInput()[0]
		k, known := f.maker[f.s.numbers[from]]
		if !ok || !known || !f.only(from) {
			continue
		}
		nodes, relu := []int{k}, -1
		if before := f.nodes[k].Node; before.GetOpType() == "Relu" && f.only(before.GetInput()[0]) {
			if j, known := f.maker[f.s.numbers[before.GetInput()[0]]]; known && takesRelu(f.nodes[j].Node.GetOpType()) {
				nodes, relu, k = append(nodes, j), k, j
			}
		}
		for _, rule := range byteRules {
			q := &quantised{f: f, node: f.nodes[k], relu: relu >= 0, to: to}
			if rule.op != q.node.Node.GetOpType() || q.relu && !rule.relu || q.node.Call.Out[0].DType != tensor.Float32 {
				continue
			}
			kernel, err := rule.make(q)
			if err != nil {
				return nil, nil, f.fail(k, err)
			}
			if kernel == nil {
				continue
			}
			info := q.node
			if q.copies {
				info = n
			}
			steps[i] = replacement{info: info, in: q.in, kernel: kernel}
			for _, j := range nodes {
				gone[j] = true
			}
			break
		}
	}
	f.sweep(steps, gone)
	return steps, gone, f.foldWeights(gone)
}

func (f *fusion) fail(i int, err error) error {
	n := f.nodes[i]
	return &check.NodeError{Index: n.Index, Name: n.Node.GetName(), Op: n.Node.GetOpType(), Err: err}
}

func takesRelu(opType string) bool {
	return slices.ContainsFunc(byteRules, func(r byteRule) bool { return r.op == opType && r.relu })
}

// foldWeights computes each DQ of constants that is left, so that who reads it finds weights to pack.
func (f *fusion) foldWeights(gone []bool) error {
	for i, n := range f.nodes {
		if gone[i] || n.Node.GetOpType() != "DequantizeLinear" || n.Call.Out[0].Value != nil {
			continue
		}
		var in []*tensor.Tensor
		for _, name := range n.Node.GetInput() {
			if t := f.constant(name); t != nil {
				in = append(in, t)
			}
		}
		sizes, known := n.Call.Out[0].Sizes()
		if !known || len(in) != len(n.Node.GetInput()) {
			continue
		}
		k, err := exec.Bind(execNode(n, nil))
		if err != nil {
			return f.fail(i, err)
		}
		t, err := tensor.New(n.Call.Out[0].DType, sizes)
		if err != nil {
			return f.fail(i, err)
		}
		if err := k.Run(&exec.Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, in, []*tensor.Tensor{t}); err != nil {
			return f.fail(i, err)
		}
		n.Call.Out[0].Value = t // which the readers' nodes share
		f.s.values[f.s.numbers[n.Node.GetOutput()[0]]].constant = t
		gone[i] = true
	}
	return nil
}

// sweep marks each DQ that nobody reads any more.
func (f *fusion) sweep(steps map[int]replacement, gone []bool) {
	read := make(map[string]bool)
	for i, n := range f.nodes {
		in := n.Node.GetInput()
		if r, ok := steps[i]; ok {
			in = r.in
		} else if gone[i] {
			continue
		}
		for _, name := range in {
			read[name] = true
		}
	}
	if len(steps) == 0 {
		return
	}
	for i, n := range f.nodes {
		out := n.Node.GetOutput()[0]
		if n.Node.GetOpType() == "DequantizeLinear" && !read[out] && !f.s.values[f.s.numbers[out]].output {
			gone[i] = true
		}
	}
}

func bytesConv(q *quantised) (exec.Kernel, error) {
	f, n := q.f, q.node.Node
	x, from, ok := f.stored(n.GetInput()[0])
	w := f.made(input(n, 1), "DequantizeLinear")
	if !ok || w < 0 {
		return nil, nil
	}
	weights, scales, ok := f.weights(w)
	if !ok || len(weights.Shape) != 4 {
		return nil, nil
	}
	channels := weights.Shape[0]
	e := kernel.BytesEpilogue{Scale: make([]float32, channels), To: q.to, Least: q.least()}
	sums := make([]float32, channels) // the scale of each channel's sums
	for i := range sums {
		sums[i] = from.Scale * scales[i%len(scales)]
		e.Scale[i] = sums[i] / q.to.Scale
	}
	if name := input(n, 2); name != "" {
		if e.Bias, ok = f.sumBias(name, sums); !ok {
			return nil, nil
		}
	}
	q.in = []string{x}
	return exec.BindConvBytes(q.node.Call, weights, from.Zero, e, q.relu)
}

// weights reads a DQ of constant int8 with scales of the first axis or a single one, and no zero point but 0.
func (f *fusion) weights(i int) (w *tensor.Tensor, scales []float32, ok bool) {
	n := f.nodes[i]
	w, scale := f.constant(n.Node.GetInput()[0]), f.constant(input(n.Node, 1))
	if w == nil || scale == nil || w.DType != tensor.Int8 || scale.DType != tensor.Float32 || len(w.Shape) == 0 {
		return nil, nil, false
	}
	if name := input(n.Node, 2); name != "" {
		zero := f.constant(name)
		if zero == nil || slices.ContainsFunc(tensor.Data[int8](zero), func(z int8) bool { return z != 0 }) {
			return nil, nil, false
		}
	}
	axis := 1
	if n.Call.Attrs.Has("axis") || n.Call.Schema.Since >= 13 {
		axis = n.Call.Attrs.Int("axis")
	}
	single := scale.NumElems() == 1
	return w, tensor.Data[float32](scale), single || axis%len(w.Shape) == 0 && scale.NumElems() == w.Shape[0]
}

// sumBias reads a bias that is stored as the sums are: a DQ of constant int32 with their scales and no zero point but 0.
func (f *fusion) sumBias(name string, sums []float32) ([]int32, bool) {
	i := f.made(name, "DequantizeLinear")
	if i < 0 {
		return nil, false
	}
	n := f.nodes[i].Node
	b, scale := f.constant(n.GetInput()[0]), f.constant(input(n, 1))
	if b == nil || scale == nil || b.DType != tensor.Int32 || scale.DType != tensor.Float32 || b.NumElems() != len(sums) {
		return nil, false
	}
	if name := input(n, 2); name != "" {
		zero := f.constant(name)
		if zero == nil || slices.ContainsFunc(tensor.Data[int32](zero), func(z int32) bool { return z != 0 }) {
			return nil, false
		}
	}
	scales := tensor.Data[float32](scale)
	for i, s := range sums {
		got := scales[i%len(scales)]
		if !(got > s*(1-1e-5) && got < s*(1+1e-5)) { // rounded in another order
			return nil, false
		}
	}
	return tensor.Data[int32](b), true
}

func bytesAdd(q *quantised) (exec.Kernel, error) {
	in := q.node.Node.GetInput()
	x, p, ok := q.f.stored(in[0])
	y, r, also := q.f.stored(in[1])
	a, aKnown := q.node.Call.In[0].Sizes()
	b, bKnown := q.node.Call.In[1].Sizes()
	if !ok || !also || !(aKnown && bKnown && slices.Equal(a, b) || sameDims(q.node.Call.In[0].Dims, q.node.Call.In[1].Dims)) {
		return nil, nil
	}
	q.in = []string{x, y}
	return exec.BindAddBytes([2]kernel.ByteParams{p, r}, q.to, q.least()), nil
}

// sameDims reports whether two shapes are the same whatever the names in them stand for.
func sameDims(a, b []op.Dim) bool {
	return a != nil && len(a) == len(b) && slices.EqualFunc(a, b, func(x, y op.Dim) bool { return x == y && (x.IsKnown() || x.Name != "") })
}

// table is what stored numbers become under another scale and, with relu, where they are negative, zero.
func table(from, to kernel.ByteParams, relu bool) (t [256]uint8) {
	var x [256]uint8
	var v [256]float32
	for i := range x {
		x[i] = uint8(i)
	}
	pool := kernel.NewPool(1)
	kernel.DequantizeBytes(pool, v[:], x[:], from)
	if relu {
		for i := range v {
			v[i] = max(v[i], 0)
		}
	}
	kernel.QuantizeBytes(pool, t[:], v[:], to)
	return t
}

func bytesRelu(q *quantised) (exec.Kernel, error) {
	x, from, ok := q.f.stored(q.node.Node.GetInput()[0])
	if !ok {
		return nil, nil
	}
	q.in = []string{x}
	return exec.BindMapBytes(table(from, q.to, true)), nil
}

func bytesConcat(q *quantised) (exec.Kernel, error) {
	var tables [][256]uint8
	equal := true
	for _, name := range q.node.Node.GetInput() {
		x, from, ok := q.f.stored(name)
		if !ok {
			return nil, nil
		}
		equal = equal && from == q.to
		q.in, tables = append(q.in, x), append(tables, table(from, q.to, false))
	}
	if equal {
		return exec.Bind(execNode(q.node, nil))
	}
	q.copies = true
	return exec.BindConcatBytes(q.node.Call.Attrs.Int("axis"), tables), nil
}

func bytesMove(q *quantised) (exec.Kernel, error) {
	x, from, ok := q.f.stored(q.node.Node.GetInput()[0])
	if !ok || from != q.to || len(q.node.Call.Out) != 1 {
		return nil, nil
	}
	q.in = append([]string{x}, q.node.Node.GetInput()[1:]...)
	return exec.Bind(exec.OfBytes(execNode(q.node, nil)))
}
