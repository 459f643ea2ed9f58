package gorgoniaop

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Env is what the operators of one graph share. One graph runs at a time in it.
type Env[T kernel.Float] struct {
	Pool *kernel.Pool

	// Training makes normalisation take the statistics of the batch; else it takes the moving averages.
	Training bool
	// Momentum is the weight of a batch's statistics in the moving averages; 0 leaves them as they are.
	Momentum T
	// FreezeWeights leaves the gradients of kernels and biases uncomputed (their values are then meaningless): a step on
	// α and β alone does not want them.
	FreezeWeights bool
	// Evaluate, set before the first run, says that no backward pass follows any forward pass: what operators would keep
	// for it then lies in memory that they share.
	Evaluate bool

	ops     int
	scratch []memory[T]  // slabs that one operator's run may use, by slot
	workers []*worker[T] // by the pool's worker number
	kept    arena[T]
}

// arena hands out memory that one operator's run needs; the next one gets the same again.
type arena[T kernel.Float] struct {
	data      []T
	bytes     []uint8
	used      int
	usedBytes int
}

func (a *arena[T]) reset() {
	a.used, a.usedBytes = 0, 0
}

// take gives n elements with arbitrary contents. What does not fit makes a larger block; pieces handed out before keep
// theirs.
func (a *arena[T]) take(n int) []T {
	if a.used+n > len(a.data) {
		a.data, a.used = make([]T, max(2*len(a.data), n, 1<<16)), 0
	}
	s := a.data[a.used : a.used+n : a.used+n]
	a.used += n
	return s
}

func (a *arena[T]) takeBytes(n int) []uint8 {
	if a.usedBytes+n > len(a.bytes) {
		a.bytes, a.usedBytes = make([]uint8, max(2*len(a.bytes), n, 1<<16)), 0
	}
	s := a.bytes[a.usedBytes : a.usedBytes+n : a.usedBytes+n]
	a.usedBytes += n
	return s
}

// NewEnv makes the shared state of a graph whose work runs on pool.
func NewEnv[T kernel.Float](pool *kernel.Pool) *Env[T] {
	e := &Env[T]{Pool: pool, Training: true}
	e.workers = make([]*worker[T], pool.Threads())
	for i := range e.workers {
		e.workers[i] = new(worker[T])
	}
	return e
}

// worker is the scratch memory of one of the pool's goroutines.
type worker[T kernel.Float] struct {
	products kernel.Products[T]
	slabs    [8][]T
}

// slab gives n elements of scratch with arbitrary contents; slots keep simultaneous ones apart.
func (w *worker[T]) slab(slot, n int) []T {
	if cap(w.slabs[slot]) < n {
		w.slabs[slot] = make([]T, n)
	}
	return w.slabs[slot][:n]
}

// slab gives n elements of scratch with arbitrary contents that all workers share until the operator's run ends.
func (e *Env[T]) slab(slot, n int) []T {
	for len(e.scratch) <= slot {
		e.scratch = append(e.scratch, memory[T]{})
	}
	return e.scratch[slot].grow(n)
}

// each runs n tasks on the pool.
func (e *Env[T]) each(n int, task func(w *worker[T], i int)) {
	e.Pool.For(n, 1, func(worker, lo, hi int) {
		for i := lo; i < hi; i++ {
			task(e.workers[worker], i)
		}
	})
}

// body is the arithmetic of a fused operator, free of gorgonia.
type body[T kernel.Float] interface {
	// String names the operator, its attributes included.
	String() string
	// infer gives the output's shape.
	infer(in []tensor.Shape) (tensor.Shape, error)
	// forward writes out.
	forward(in [][]T, out []T) error
	// backward follows the forward pass of the same inputs. It writes din[i], the gradient of input i, wherever that is
	// not nil, from dout.
	backward(in [][]T, out, dout []T, din [][]T) error
}

// op is a body as an operator of gorgonia.
type op[T kernel.Float] struct {
	body[T]
	env    *Env[T]
	id     int
	dims   []int  // rank of each input
	rank   int    // of the output; 0 is a scalar
	wanted []bool // the inputs that have gradients
	shapes []tensor.Shape

	out   *tensor.Dense
	din   [][]T
	grads []*tensor.Dense
	run   int // forward passes so far
	done  int // the forward pass that din belongs to
}

// apply adds the operator to the graph of its inputs. constant marks inputs that need no gradient.
func apply[T kernel.Float](env *Env[T], b body[T], constant []int, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	env.ops++
	o := &op[T]{body: b, env: env, id: env.ops, wanted: make([]bool, len(in))}
	for i, n := range in {
		o.dims = append(o.dims, n.Shape().Dims())
		o.shapes = append(o.shapes, n.Shape().Clone())
		o.wanted[i] = !slices.Contains(constant, i)
	}
	shape, err := b.infer(o.shapes)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", b, err)
	}
	o.rank = shape.Dims()
	n, err := gorgonia.ApplyOp(o, in...)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", b, err)
	}
	return n, nil
}

// Arity, Type, InferShape, Do, ReturnsPtr, CallsExtern, OverwritesInput, WriteHash, Hashcode, DiffWRT and SymDiff make op
// a gorgonia.SDOp. It says that it returns no pointer, so that gorgonia keeps its registers apart from the operator's own
// buffers.

func (o *op[T]) Arity() int { return len(o.dims) }

func (o *op[T]) Type() hm.Type { return fnType(o.dims, o.rank) }

// fnType is the type of a function of tensors of the given ranks, all of one element type.
func fnType(in []int, out int) hm.Type {
	a := hm.TypeVariable('a')
	of := func(rank int) hm.Type {
		if rank == 0 {
			return a
		}
		return gorgonia.TensorType{Dims: rank, Of: a}
	}
	types := make([]hm.Type, 0, len(in)+1)
	for _, r := range in {
		types = append(types, of(r))
	}
	return hm.NewFnType(append(types, of(out))...)
}

func (o *op[T]) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	return o.infer(shapes)
}

func (o *op[T]) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer recovered(o.body, &err)
	if o.out == nil {
		shape, err := o.infer(o.shapes)
		if err != nil {
			return nil, err
		}
		o.out = newTensor[T](shape)
	}
	o.run++
	if err := o.forward(all[T](in), elements[T](o.out)); err != nil {
		return nil, fmt.Errorf("%v: %w", o.body, err)
	}
	return value[T](o.out, o.rank), nil
}

func (o *op[T]) ReturnsPtr() bool          { return false }
func (o *op[T]) CallsExtern() bool         { return false }
func (o *op[T]) OverwritesInput() int      { return -1 }
func (o *op[T]) WriteHash(h hash.Hash)     { fmt.Fprintf(h, "%v #%d", o.body, o.id) }
func (o *op[T]) Hashcode() uint32          { return hashcode(o) }
func (o *op[T]) DiffWRT(inputs int) []bool { return o.wanted }

func (o *op[T]) SymDiff(in gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	o.din, o.grads = make([][]T, len(in)), make([]*tensor.Dense, len(in))
	grads := make(gorgonia.Nodes, len(in))
	for i := range in {
		if !o.wanted[i] {
			continue
		}
		children := append(append(gorgonia.Nodes{}, in...), output, grad)
		n, err := gorgonia.ApplyOp(&gradOp[T]{op: o, input: i}, children...)
		if err != nil {
			return nil, fmt.Errorf("gradient of %v: %w", o.body, err)
		}
		grads[i] = n
	}
	return grads, nil
}

// gradOp gives the gradient of one input of an op. Its inputs are the op's, its output and the output's gradient; that
// it reads the output makes gorgonia run the forward pass first.
type gradOp[T kernel.Float] struct {
	*op[T]
	input int
}

func (g *gradOp[T]) Arity() int { return len(g.dims) + 2 }

func (g *gradOp[T]) Type() hm.Type {
	return fnType(append(slices.Clone(g.dims), g.rank, g.rank), g.dims[g.input])
}

func (g *gradOp[T]) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return g.shapes[g.input].Clone(), nil
}

func (g *gradOp[T]) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer recovered(g.body, &err)
	o := g.op
	if o.grads[g.input] == nil {
		for i, want := range o.wanted {
			if want {
				o.grads[i] = newTensor[T](o.shapes[i])
				o.din[i] = elements[T](o.grads[i])
			}
		}
	}
	if o.done != o.run {
		values := all[T](in)
		n := len(o.dims)
		if err := o.backward(values[:n], values[n], values[n+1], o.din); err != nil {
			return nil, fmt.Errorf("gradient of %v: %w", o.body, err)
		}
		o.done = o.run
	}
	return value[T](o.grads[g.input], o.dims[g.input]), nil
}

func (g *gradOp[T]) String() string            { return fmt.Sprintf("gradient %d of %v", g.input, g.body) }
func (g *gradOp[T]) WriteHash(h hash.Hash)     { fmt.Fprintf(h, "%v #%d", g, g.id) }
func (g *gradOp[T]) Hashcode() uint32          { return hashcode(g) }
func (g *gradOp[T]) DiffWRT(inputs int) []bool { return make([]bool, inputs) }

func (g *gradOp[T]) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("%v: second derivatives are not supported", g)
}

func hashcode(o gorgonia.Op) uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// recovered turns a panic of a kernel into an error: gorgonia runs operators in goroutines of its own, where a panic
// would end the program.
func recovered(b any, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v: %v", b, r)
	}
}

func newTensor[T kernel.Float](shape tensor.Shape) *tensor.Dense {
	n := shape.TotalSize()
	if shape.IsScalar() {
		return tensor.New(tensor.WithShape(1), tensor.WithBacking(make([]T, 1)))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]T, n)))
}

// value is what gorgonia takes for a tensor of a rank: scalars are no tensors there.
func value[T kernel.Float](t *tensor.Dense, rank int) gorgonia.Value {
	if rank > 0 {
		return t
	}
	return scalar(elements[T](t)[0])
}

func scalar[T kernel.Float](x T) gorgonia.Value {
	if v, ok := any(x).(float32); ok {
		return gorgonia.NewF32(v)
	}
	return gorgonia.NewF64(float64(x))
}

// elements are the elements of a value of gorgonia, in row-major order.
func elements[T kernel.Float](v gorgonia.Value) []T {
	switch d := v.Data().(type) {
	case []T:
		return d
	case T:
		return []T{d}
	default:
		panic(fmt.Sprintf("a value of %v where %T is expected", v.Dtype(), []T(nil)))
	}
}

func all[T kernel.Float](in []gorgonia.Value) [][]T {
	out := make([][]T, len(in))
	for i, v := range in {
		out[i] = elements[T](v)
	}
	return out
}
