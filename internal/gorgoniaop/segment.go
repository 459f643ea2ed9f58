package gorgoniaop

import (
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// segment is a run of steps [lo, hi) of a Net as one operator of gorgonia.
type segment[T kernel.Float] struct {
	net    *Net[T]
	index  int
	lo, hi int
	in     []*Feature[T] // features that stand for those of segments before
	out    *Feature[T]

	value gorgonia.Value
	grads []gorgonia.Value
	runs  int // forward passes
	done  int // the forward pass that grads belong to
}

// cut divides the steps into segments for which two things hold. One value only leaves each, as an operator of gorgonia
// has one. And each but the first reads what the one before it gives, so that both passes can run in no other order than
// the one that memory is laid out for. There are as many as can be, but a value that comes from further back than the
// segment before counts nearly as much as a cut is worth: gorgonia holds and adds up a gradient for it.
func (n *Net[T]) cut() {
	const worth, cost = 10, 9
	count := len(n.steps)
	behind := func(f *Feature[T], hi int) bool { return len(f.readers) > 0 && f.last() >= hi }
	best := make([]int, count+1) // for [0, hi)
	from := make([]int, count+1) // where its last segment begins; −1 if it cannot be cut
	for hi := 1; hi <= count; hi++ {
		best[hi], from[hi] = math.MinInt, -1
		leaving := 0
		inputs := map[*Feature[T]]bool{}
		for lo := hi - 1; lo >= 0; lo-- {
			e := n.steps[lo].around()
			if behind(e.out, hi) || lo == count-1 {
				leaving++
			}
			delete(inputs, e.out)
			for _, f := range e.in {
				inputs[f] = true
			}
			if leaving != 1 || lo > 0 && (from[lo] < 0 || !n.reads(lo, hi, n.leaver(from[lo], lo))) {
				continue
			}
			if score := best[lo] + worth - cost*(len(inputs)-1); score > best[hi] {
				best[hi], from[hi] = score, lo
			}
		}
	}
	var bounds []int
	for at := count; at > 0; at = from[at] {
		bounds = append(bounds, at)
	}
	slices.Reverse(bounds)
	lo := 0
	for i, hi := range bounds {
		s := &segment[T]{net: n, index: i, lo: lo, hi: hi}
		s.out = n.steps[n.leaver(lo, hi)].around().out
		n.segments = append(n.segments, s)
		lo = hi
	}
	for _, s := range n.segments {
		s.adopt()
	}
}

// leaver is the step of [lo, hi) whose value is read behind hi.
func (n *Net[T]) leaver(lo, hi int) int {
	for i := hi - 1; i >= lo; i-- {
		if f := n.steps[i].around().out; len(f.readers) > 0 && f.last() >= hi {
			return i
		}
	}
	return hi - 1
}

// reads reports whether a step of [lo, hi) reads what step made.
func (n *Net[T]) reads(lo, hi, made int) bool {
	return slices.ContainsFunc(n.steps[made].around().out.readers, func(r int) bool { return lo <= r && r < hi })
}

// adopt replaces the features that come from outside by ones of the segment's own, which have their own gradients. Of a
// value that only this segment reads, the gradient is the same memory.
func (s *segment[T]) adopt() {
	n := s.net
	own := make(map[*Feature[T]]*Feature[T])
	for i := s.lo; i < s.hi; i++ {
		e := n.steps[i].around()
		for k, f := range e.in {
			if f.step >= s.lo {
				continue
			}
			g := own[f]
			if g == nil {
				g = &Feature[T]{C: f.C, N: f.N, H: f.H, W: f.W, step: f.step, learns: f.learns, data: f.data, origin: f}
				inside := func(r int) bool { return s.lo <= r && r < s.hi }
				outside := func(r int) bool { return !inside(r) }
				g.readers = slices.DeleteFunc(slices.Clone(f.readers), outside)
				if slices.ContainsFunc(f.readers, outside) {
					g.grad = n.piece(f.Size())
				} else {
					g.grad = f.grad
				}
				own[f] = g
				f.proxies = append(f.proxies, g)
				s.in = append(s.in, g)
			}
			e.in[k] = g
		}
	}
}

// assemble makes the graph of gorgonia.
func (n *Net[T]) assemble() error {
	graph := gorgonia.NewGraph()
	image := tensor.New(tensor.WithShape(n.input.shape()...), tensor.WithBacking(n.input.values))
	nodes := map[*Feature[T]]*gorgonia.Node{
		n.input: gorgonia.NewTensor(graph, image.Dtype(), 4, gorgonia.WithShape(n.input.shape()...), gorgonia.WithName("image"), gorgonia.WithValue(image)),
	}
	for _, s := range n.segments {
		var in gorgonia.Nodes
		for _, f := range s.in {
			in = append(in, nodes[f.origin])
		}
		node, err := gorgonia.ApplyOp(s, in...)
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
		nodes[s.out] = node
		n.loss = node
	}
	grads, err := gorgonia.Grad(n.loss, nodes[n.input])
	if err != nil {
		return fmt.Errorf("cannot differentiate the network: %w", err)
	}
	n.inputGrad = grads[0]
	n.vm = gorgonia.NewTapeMachine(graph)
	return nil
}

// scalar reports whether the segment ends in the loss.
func (s *segment[T]) scalar() bool { return s.hi == len(s.net.steps) }

func (s *segment[T]) rank() int {
	if s.scalar() {
		return 0
	}
	return 4
}

func (s *segment[T]) String() string {
	if s.hi == s.lo+1 {
		return s.net.steps[s.lo].String()
	}
	return fmt.Sprintf("%v … %v (%d steps)", s.net.steps[s.lo], s.net.steps[s.hi-1], s.hi-s.lo)
}

// The methods of gorgonia.SDOp; see op.

func (s *segment[T]) Arity() int { return len(s.in) }

func (s *segment[T]) Type() hm.Type { return fnType(slices.Repeat([]int{4}, len(s.in)), s.rank()) }

func (s *segment[T]) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	if s.scalar() {
		return tensor.ScalarShape(), nil
	}
	return s.out.shape(), nil
}

func (s *segment[T]) Do(...gorgonia.Value) (v gorgonia.Value, err error) {
	defer recovered(s, &err)
	n := s.net
	if n.clock != s.lo {
		return nil, fmt.Errorf("%v runs as step %d, want %d", s, n.clock, s.lo)
	}
	for ; n.clock < s.hi; n.clock++ {
		st := n.steps[n.clock]
		e := st.around()
		e.out.written = false
		for _, f := range e.in {
			f.written = false
		}
		if e.out.again != nil {
			e.out.lie(n.slice(e.out.data))
		}
		if err := st.forward(n); err != nil {
			return nil, fmt.Errorf("%v: %w", st, err)
		}
	}
	s.runs++
	if s.scalar() {
		return scalar(s.out.values[0]), nil
	}
	if s.value == nil {
		s.value = tensor.New(tensor.WithShape(s.out.shape()...), tensor.WithBacking(s.out.values))
	}
	return s.value, nil
}

func (s *segment[T]) ReturnsPtr() bool          { return false }
func (s *segment[T]) CallsExtern() bool         { return false }
func (s *segment[T]) OverwritesInput() int      { return -1 }
func (s *segment[T]) WriteHash(h hash.Hash)     { fmt.Fprintf(h, "segment %d", s.index) }
func (s *segment[T]) Hashcode() uint32          { return hashcode(s) }
func (s *segment[T]) DiffWRT(inputs int) []bool { return slices.Repeat([]bool{true}, inputs) }

func (s *segment[T]) SymDiff(in gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	grads := make(gorgonia.Nodes, len(in))
	s.grads = make([]gorgonia.Value, len(in))
	for i := range in {
		children := append(append(gorgonia.Nodes{}, in...), output, grad)
		n, err := gorgonia.ApplyOp(&segmentGrad[T]{segment: s, input: i}, children...)
		if err != nil {
			return nil, fmt.Errorf("gradient of %v: %w", s, err)
		}
		grads[i] = n
	}
	return grads, nil
}

// segmentGrad gives the gradient of one input of a segment; the first one that runs computes all of them.
type segmentGrad[T kernel.Float] struct {
	*segment[T]
	input int
}

func (g *segmentGrad[T]) Arity() int { return len(g.in) + 2 }

func (g *segmentGrad[T]) Type() hm.Type {
	return fnType(append(slices.Repeat([]int{4}, len(g.in)), g.rank(), g.rank()), 4)
}

func (g *segmentGrad[T]) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return g.in[g.input].shape(), nil
}

func (g *segmentGrad[T]) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer recovered(g, &err)
	s := g.segment
	if s.done != s.runs {
		if err := s.backward(elements[T](in[len(in)-1])); err != nil {
			return nil, err
		}
		s.done = s.runs
	}
	return s.grads[g.input], nil
}

// backward runs the steps backward from the gradient of the segment's value.
func (s *segment[T]) backward(grad []T) error {
	n := s.net
	if want := 2*len(n.steps) - s.hi; n.clock != want {
		return fmt.Errorf("gradient of %v runs as step %d, want %d", s, n.clock, want)
	}
	if s.scalar() {
		s.out.grads = grad
	} else if s.out.learns && &s.out.grads[0] != &grad[0] {
		copy(s.out.grads, grad)
	}
	for i := s.hi - 1; i >= s.lo; i-- {
		n.remake(i)
		if st := n.steps[i]; st.around().out.learns {
			if err := st.backward(n); err != nil {
				return fmt.Errorf("gradient of %v: %w", st, err)
			}
		}
		n.clock++
	}
	for k, f := range s.in {
		if s.grads[k] == nil {
			values := f.grads
			if !f.learns { // gorgonia wants something to hand on
				values = make([]T, f.Size())
			}
			s.grads[k] = tensor.New(tensor.WithShape(f.shape()...), tensor.WithBacking(values))
		}
	}
	return nil
}

func (g *segmentGrad[T]) String() string {
	return fmt.Sprintf("gradient %d of %v", g.input, g.segment)
}

func (g *segmentGrad[T]) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "gradient %d of segment %d", g.input, g.index)
}
func (g *segmentGrad[T]) Hashcode() uint32          { return hashcode(g) }
func (g *segmentGrad[T]) DiffWRT(inputs int) []bool { return make([]bool, inputs) }

func (g *segmentGrad[T]) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("%v: second derivatives are not supported", g)
}

// Describe lists the segments.
func (n *Net[T]) Describe() (list []string) {
	for _, s := range n.segments {
		list = append(list, fmt.Sprintf("%v, %d inputs", s, len(s.in)))
	}
	return list
}
