package randomgraph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Case is a model with inputs to run it on.
type Case struct {
	Seed   uint64
	Model  *onnx.Model
	Inputs map[string]*tensor.Tensor
	// Fault names what makes the model invalid, "" for a valid one.
	Fault string
	// Ops lists the operators in the order of the nodes.
	Ops []string
}

// opsets are those that models are made for: where the meaning or the form of some operator changed.
var opsets = []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}

// Sizes of what is generated: small, so that a thousand models take seconds.
const (
	maxNodes = 12
	maxElems = 1 << 13
	maxBound = 1 << 12 // of a float value's magnitude
)

// New makes the valid model of a seed.
func New(seed uint64) *Case { return generate(seed, false) }

// NewFaulty makes a model of a seed that breaks a rule of ONNX in one node.
func NewFaulty(seed uint64) *Case { return generate(seed, true) }

func generate(seed uint64, faulty bool) *Case {
	b := &builder{
		rng:    rand.New(rand.NewPCG(seed, 0x5eed)),
		graph:  &onnx.Graph{Name: "random"},
		inputs: map[string]*tensor.Tensor{},
	}
	b.opset = opsets[b.rng.IntN(len(opsets))]
	b.input(tensor.Float32, b.shape(4)) // ONNX Runtime's Go binding wants one at least
	nodes := 1 + b.rng.IntN(maxNodes)
	for tries := 0; len(b.graph.Node) < nodes && tries < 200; tries++ {
		m := makers[b.rng.IntN(len(makers))]
		if b.opset >= m.since && (m.until == 0 || b.opset <= m.until) {
			m.make(b)
		}
	}
	fault := ""
	if faulty {
		fault = b.breakIt()
	}
	return &Case{Seed: seed, Model: b.model(), Inputs: b.inputs, Fault: fault, Ops: b.ops()}
}

// value is a tensor of the graph.
type value struct {
	name  string
	dtype tensor.DType
	shape []int
	exact bool    // the same bits in every engine
	bound float64 // of the magnitude of its elements
	used  bool    // some node reads it
}

func (v *value) rank() int { return len(v.shape) }

func (v *value) elems() int { return count(v.shape) }

func (v *value) float() bool { return v.dtype == tensor.Float32 }

func count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// builder is a model in the making.
type builder struct {
	rng    *rand.Rand
	opset  int
	graph  *onnx.Graph
	values []*value
	inputs map[string]*tensor.Tensor
	names  int
}

func (b *builder) name(prefix string) string {
	b.names++
	return fmt.Sprintf("%s%d", prefix, b.names)
}

// chance is true once in n times.
func (b *builder) chance(n int) bool { return b.rng.IntN(n) == 0 }

// between gives lo to hi, both included.
func (b *builder) between(lo, hi int) int { return lo + b.rng.IntN(hi-lo+1) }

func oneOf[T any](b *builder, of ...T) T { return of[b.rng.IntN(len(of))] }

// shape gives a random shape of a rank.
func (b *builder) shape(rank int) []int {
	s := make([]int, rank)
	for i := range s {
		s[i] = b.between(1, 9)
		if rank >= 4 && i == 0 {
			s[i] = b.between(1, 2)
		}
	}
	return s
}

// find gives a value that fits, or nil. Those that nothing reads yet come first, so that graphs grow deep.
func (b *builder) find(fits func(*value) bool) *value {
	var unread, read []*value
	for _, v := range b.values {
		switch {
		case !fits(v):
		case v.used:
			read = append(read, v)
		default:
			unread = append(unread, v)
		}
	}
	if len(unread) > 0 && (len(read) == 0 || !b.chance(4)) {
		return unread[b.rng.IntN(len(unread))]
	}
	if len(read) > 0 {
		return read[b.rng.IntN(len(read))]
	}
	return nil
}

// float gives a float value that fits, a new input of a rank in ranks if there is none.
func (b *builder) float(fits func(*value) bool, ranks ...int) *value {
	ok := func(v *value) bool {
		return v.float() && !math.IsInf(v.bound, 1) && (len(ranks) == 0 || slices.Contains(ranks, v.rank())) && fits(v)
	}
	if !b.chance(5) {
		if v := b.find(ok); v != nil {
			return v
		}
	}
	rank := b.between(1, 4)
	if len(ranks) > 0 {
		rank = ranks[b.rng.IntN(len(ranks))]
	}
	for {
		if v := b.fresh(tensor.Float32, b.shape(rank)); ok(v) {
			return v
		}
	}
}

func any_(*value) bool { return true }

func exact(v *value) bool { return v.exact }

// fresh makes a graph input or, one time in three, an initializer, with random contents.
func (b *builder) fresh(d tensor.DType, shape []int) *value {
	if b.chance(3) {
		return b.constant(d, shape...)
	}
	return b.input(d, shape)
}

func (b *builder) input(d tensor.DType, shape []int) *value {
	t, bound := b.random(d, shape)
	name := b.name("x")
	b.graph.Input = append(b.graph.Input, onnx.NewValueInfo(name, d, onnx.FixedDims(shape...)))
	b.inputs[name] = t
	return b.add(&value{name: name, dtype: d, shape: shape, exact: true, bound: bound})
}

// constant makes an initializer of random contents.
func (b *builder) constant(d tensor.DType, shape ...int) *value {
	t, bound := b.random(d, shape)
	return b.initializer(t, bound)
}

// initializer makes an initializer of given contents.
func (b *builder) initializer(t *tensor.Tensor, bound float64) *value {
	name := b.name("w")
	b.graph.Initializer = append(b.graph.Initializer, onnx.Encode(name, t))
	return b.add(&value{name: name, dtype: t.DType, shape: t.Shape, exact: true, bound: bound})
}

// ints makes an int64 initializer, as shapes and axes are given.
func (b *builder) ints(v ...int) string {
	data := make([]int64, len(v))
	for i, x := range v {
		data[i] = int64(x)
	}
	in := b.initializer(tensor.Of(data, len(data)), math.Inf(1))
	in.used = true
	return in.name
}

// floats makes a float initializer of rank 1.
func (b *builder) floats(v ...float32) string {
	in := b.initializer(tensor.Of(v, len(v)), math.Inf(1))
	in.used = true
	return in.name
}

// scalar makes a scalar float initializer.
func (b *builder) scalar(v float32) string {
	in := b.initializer(tensor.Scalar(v), math.Inf(1))
	in.used = true
	return in.name
}

func (b *builder) add(v *value) *value {
	b.values = append(b.values, v)
	return v
}

// random fills a tensor. Floats are multiples of 1/8 between −3 and 3: sums of a few are exact, ties occur.
func (b *builder) random(d tensor.DType, shape []int) (*tensor.Tensor, float64) {
	n := count(shape)
	switch d {
	case tensor.Float32:
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(b.between(-24, 24)) / 8
		}
		return tensor.Of(data, shape...), 3
	case tensor.Uint8:
		return fill(n, shape, func() uint8 { return uint8(b.rng.IntN(256)) }), 255
	case tensor.Int8:
		return fill(n, shape, func() int8 { return int8(b.between(-128, 127)) }), 128
	case tensor.Int32:
		return fill(n, shape, func() int32 { return int32(b.between(-9, 9)) }), 9
	case tensor.Int64:
		return fill(n, shape, func() int64 { return int64(b.between(-9, 9)) }), 9
	case tensor.Bool:
		return fill(n, shape, func() bool { return b.chance(2) }), 1
	}
	panic("randomgraph: no random contents of type " + d.String())
}

func fill[T tensor.Elem](n int, shape []int, next func() T) *tensor.Tensor {
	data := make([]T, n)
	for i := range data {
		data[i] = next()
	}
	return tensor.Of(data, shape...)
}

// node adds a node that reads in and makes values described by out. It reports false, and adds nothing, where an output
// would be too large to be of use.
func (b *builder) node(opType string, in []string, attrs []*onnx.Attribute, out ...*value) bool {
	for _, o := range out {
		if o.elems() > maxElems || len(o.shape) > 6 || o.float() && o.bound > maxBound {
			return false
		}
	}
	names := make([]string, len(out))
	for i, o := range out {
		o.name = b.name("v")
		names[i] = o.name
	}
	b.graph.Node = append(b.graph.Node, onnx.NewNode(opType, b.name("n"), in, names, attrs...))
	for _, v := range b.values {
		v.used = v.used || slices.Contains(in, v.name)
	}
	b.values = append(b.values, out...)
	return true
}

// like describes an output of another shape that has v's type, exactness and bound.
func like(v *value, shape ...int) *value {
	return &value{dtype: v.dtype, shape: shape, exact: v.exact, bound: v.bound}
}

// rough describes a float output that engines round differently.
func rough(bound float64, shape ...int) *value {
	return &value{dtype: tensor.Float32, shape: shape, bound: bound}
}

func (b *builder) ops() []string {
	ops := make([]string, len(b.graph.Node))
	for i, n := range b.graph.Node {
		ops[i] = n.GetOpType()
	}
	return ops
}

// model ends the graph: what no node reads is an output, and now and then something else.
func (b *builder) model() *onnx.Model {
	for _, n := range b.graph.Node {
		for _, name := range n.GetOutput() {
			i := slices.IndexFunc(b.values, func(v *value) bool { return v.name == name })
			if i < 0 {
				continue
			}
			v := b.values[i]
			if v.used && !b.chance(6) {
				continue
			}
			dims := onnx.FixedDims(v.shape...)
			for j := range dims {
				if b.chance(6) {
					dims[j] = onnx.NamedDim(fmt.Sprint("d", j, "_", name))
				}
			}
			b.graph.Output = append(b.graph.Output, onnx.NewValueInfo(name, v.dtype, dims))
		}
	}
	return &onnx.Model{
		IrVersion:   irVersion(b.opset),
		OpsetImport: []*onnx.OpsetID{{Version: int64(b.opset)}},
		Graph:       b.graph,
	}
}

// irVersion is the IR version of the ONNX release that an operator set came with (ONNX's docs/Versioning.md).
func irVersion(opset int) int64 {
	switch {
	case opset <= 9:
		return 4
	case opset == 10:
		return 5
	case opset == 11:
		return 6
	case opset <= 14:
		return 7
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	case opset <= 22:
		return 10
	}
	return 11
}

// maker adds nodes of one operator, for operator sets from since to until (0 is no end). What it cannot make of the
// graph as it stands it leaves.
type maker struct {
	op           string
	since, until int
	make         func(b *builder)
}

// makers lists all of them; operators of many forms stand in it as often as they deserve.
var makers = slices.Concat(elementwise, movement, windows, reductions, quantized)

// Makes reports whether models may hold an operator.
func Makes(opType string) bool {
	return slices.ContainsFunc(makers, func(m maker) bool { return m.op == opType })
}
