package gorgoniaop

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Learned is something that a step learns: its values, and where their gradients are added up.
type Learned[T kernel.Float] struct{ Value, Gradient []T }

// Feature is an image [C, N, H, W] inside a Net.
type Feature[T kernel.Float] struct {
	C, N, H, W int

	step    int   // that makes it; −1 for the Net's input
	readers []int // the steps that read it, in rising order; one that reads it twice stands twice
	learns  bool  // has a gradient
	data    *piece
	grad    *piece
	values  []T // where data lies
	grads   []T // where grad lies
	written bool
	origin  *Feature[T]   // of a feature that stands for another segment's
	proxies []*Feature[T] // those that stand for this one
	needs   []int         // when the backward pass reads data
	again   *piece        // where data is made again for the backward pass, if it is
}

// own is the feature that f is or stands for.
func (f *Feature[T]) own() *Feature[T] {
	if f.origin != nil {
		return f.origin
	}
	return f
}

// lie says where the values are now.
func (f *Feature[T]) lie(values []T) {
	f.values = values
	for _, p := range f.proxies {
		p.values = values
	}
}

// Size is the number of elements.
func (f *Feature[T]) Size() int { return f.C * f.N * f.H * f.W }

func (f *Feature[T]) pixels() int { return f.N * f.H * f.W }

func (f *Feature[T]) shape() tensor.Shape { return tensor.Shape{f.C, f.N, f.H, f.W} }

// row is what channel c of the whole batch is.
func (f *Feature[T]) row(x []T, c int) []T { return x[c*f.pixels():][:f.pixels()] }

// gradient gives where the gradient of f goes, and whether it is added to what is there. The caller fills all of it.
func (f *Feature[T]) gradient() (dst []T, add bool) {
	add = f.written
	f.written = true
	return f.grads, add
}

// last is the step whose backward pass is the first to reach f.
func (f *Feature[T]) last() int { return f.readers[len(f.readers)-1] }

// once reports whether one step alone reads f, and once.
func (f *Feature[T]) once() bool { return len(f.readers) == 1 }

// step is one operator of a Net, forward and backward.
type step[T kernel.Float] interface {
	String() string
	around() *ends[T]
	// plan says what memory the step wants.
	plan(p *planner[T])
	forward(n *Net[T]) error
	// backward adds to the parameters' gradients and, through Feature.gradient, gives those of the inputs that learn.
	backward(n *Net[T]) error
}

// A remaker is a step whose output may be made again in the backward pass, from what is kept anyway.
type remaker[T kernel.Float] interface {
	step[T]
	// sources gives the inputs that this reads; ok is false if the output is better kept.
	sources(n *Net[T]) (in []*Feature[T], ok bool)
	remake(n *Net[T], dst []T)
}

// ends are what a step reads and what it makes.
type ends[T kernel.Float] struct {
	in  []*Feature[T]
	out *Feature[T]
}

func (e *ends[T]) around() *ends[T] { return e }

// Net is a network with a loss at its end, as a graph of gorgonia that computes the loss and, in the backward pass, adds
// up the gradients of all parameters. Its steps are added in the order in which they run; then Build makes the graph.
//
// One segment of steps is one node of gorgonia: as many steps as it takes for a single value to leave it (see cut). So
// gorgonia differentiates the chain of segments, and adds up the gradients where a value goes to several; inside of one,
// steps go forward and backward in their order, in memory that is laid out beforehand for both passes: what the backward
// pass needs stays, the rest is used again.
type Net[T kernel.Float] struct {
	// FreezeNorm makes normalisation take its moving averages, and keep them.
	FreezeNorm bool
	// InputGradient asks for the gradient of the input, too; set before Build.
	InputGradient bool
	// Chance draws what is random in a pass; see DropPath and Dropout.
	Chance Chance

	env    *Env[T]
	input  *Feature[T]
	steps  []step[T]
	labels []uint8

	segments []*segment[T]
	pieces   []*piece
	remakes  [][]remaker[T] // by step whose backward pass they come before
	arena    memory[T]
	gap      int // remakeGap, but for tests
	clock    int // the step that comes next in the forward pass; counts on in the backward pass
	loss     *gorgonia.Node
	// The gradient of the image, with respect to which gorgonia differentiates; of zeros unless InputGradient is set.
	inputGrad *gorgonia.Node
	vm        gorgonia.VM
}

// NewNet begins a network for images [C, N, H, W], whose work runs on pool. Momentum, the weight of a batch's statistics
// in the moving averages, may be set in Env.
func NewNet[T kernel.Float](env *Env[T], c, n, h, w int) *Net[T] {
	net := &Net[T]{env: env, gap: remakeGap}
	net.input = net.feature(c, n, h, w)
	net.input.step = -1
	return net
}

// Input is the image.
func (n *Net[T]) Input() *Feature[T] { return n.input }

func (n *Net[T]) feature(c, images, h, w int) *Feature[T] {
	f := &Feature[T]{C: c, N: images, H: h, W: w}
	f.data, f.grad = n.piece(f.Size()), n.piece(f.Size())
	return f
}

func (n *Net[T]) piece(size int) *piece {
	p := newPiece(size)
	n.pieces = append(n.pieces, p)
	return p
}

// add appends a step that makes one image of the given shape.
func (n *Net[T]) add(s step[T], learns bool, c, h, w int, in ...*Feature[T]) *Feature[T] {
	e := s.around()
	e.in, e.out = in, n.feature(c, n.input.N, h, w)
	e.out.step, e.out.learns = len(n.steps), learns
	for _, f := range in {
		f.readers = append(f.readers, e.out.step)
		e.out.learns = e.out.learns || f.learns
	}
	n.steps = append(n.steps, s)
	return e.out
}

// planner collects the memory that a step wants. There are forward and backward times of each step.
type planner[T kernel.Float] struct {
	net           *Net[T]
	step          int
	first, second int // the times of the step
}

// keep says that the backward pass of the step reads f.
func (p *planner[T]) keep(f *Feature[T]) {
	own := f.own()
	own.needs = append(own.needs, p.second)
}

// hold gives memory from the step's forward to its backward pass.
func (p *planner[T]) hold(size int) *piece {
	q := p.net.piece(size)
	q.use(p.first)
	q.use(p.second)
	return q
}

// lend gives memory for the step's backward pass alone.
func (p *planner[T]) lend(size int) *piece {
	q := p.net.piece(size)
	q.use(p.second)
	return q
}

// slice is where a piece lies.
func (n *Net[T]) slice(p *piece) []T {
	r, at := p.root()
	return n.arena.data[r.offset+at:][:p.size:p.size]
}

func (n *Net[T]) backwardTime(step int) int { return 2*len(n.steps) - 1 - step }

// Build makes the graph of gorgonia. The last step must be a loss.
func (n *Net[T]) Build() (err error) {
	defer func() {
		if r := recover(); r != nil { // gorgonia panics on some errors of a graph's making
			err = fmt.Errorf("cannot build the graph: %v", r)
		}
	}()
	if len(n.steps) == 0 {
		return errors.New("a network without steps")
	}
	if _, ok := n.steps[len(n.steps)-1].(*Loss[T]); !ok {
		return fmt.Errorf("a network that ends in %v, want a loss", n.steps[len(n.steps)-1])
	}
	if n.InputGradient {
		n.learnFromInput()
	}
	n.cut()
	n.plan()
	return n.assemble()
}

// learnFromInput makes the input, and all that is made from it, have gradients.
func (n *Net[T]) learnFromInput() {
	n.input.learns = true
	for _, s := range n.steps {
		for _, f := range s.around().in {
			s.around().out.learns = s.around().out.learns || f.learns
		}
	}
}

// plan lays out the memory.
func (n *Net[T]) plan() {
	n.input.data.use(0)
	var features []*Feature[T]
	features = append(features, n.input)
	for i, s := range n.steps {
		e := s.around()
		features = append(features, e.out)
		first, second := i, n.backwardTime(i)
		e.out.data.use(first)
		if e.out.learns {
			e.out.grad.use(second)
		}
		for _, f := range e.in {
			f.data.use(first)
			if f.learns {
				f.grad.use(second)
			}
			if f.origin != nil {
				features = append(features, f)
				f.origin.data.use(first)
				if f.learns {
					f.grad.use(n.backwardTime(f.origin.step)) // where gorgonia hands it over
				}
			}
		}
	}
	for i, s := range n.steps {
		s.plan(&planner[T]{net: n, step: i, first: i, second: n.backwardTime(i)})
	}
	n.keep()
	if n.InputGradient {
		n.input.grad.use(2 * len(n.steps))
	}
	n.arena = newMemory[T](layOut(n.pieces))
	for _, f := range features {
		if f.origin == nil {
			f.values = n.slice(f.data)
		} else {
			f.values = n.slice(f.origin.data)
		}
		if f.learns {
			f.grads = n.slice(f.grad)
		}
	}
}

// remakeGap is how many steps must lie between the last reader of a value and the first that needs it in the backward
// pass, for it to be let go of in between.
const remakeGap = 12

// keep decides, for all that the backward pass reads, whether it stays or is made again. A value that is made again may
// need others before it, so that the last ones are decided first.
func (n *Net[T]) keep() {
	n.remakes = make([][]remaker[T], len(n.steps))
	for i := len(n.steps) - 1; i >= 0; i-- {
		f := n.steps[i].around().out
		if len(f.needs) == 0 {
			continue
		}
		first, last := slices.Min(f.needs), slices.Max(f.needs)
		if s, ok := n.steps[i].(remaker[T]); ok && f.data.whole == nil && first-f.last() > n.gap {
			if in, ok := s.sources(n); ok {
				f.again = n.piece(f.Size())
				f.again.use(first)
				f.again.use(last)
				at := n.backwardTime(first) // the step whose backward pass is at that time
				n.remakes[at] = append(n.remakes[at], s)
				for _, g := range in {
					g.own().needs = append(g.own().needs, first)
				}
				continue
			}
		}
		f.data.use(first)
		f.data.use(last)
	}
	for _, time := range n.input.needs {
		n.input.data.use(time)
	}
	for _, list := range n.remakes {
		slices.Reverse(list) // sources first
	}
}

// remake makes what step's backward pass wants that was let go of.
func (n *Net[T]) remake(step int) {
	for _, s := range n.remakes[step] {
		out := s.around().out
		values := n.slice(out.again)
		s.remake(n, values)
		out.lie(values)
	}
}

// Memory is the number of elements that the network keeps its images and gradients in.
func (n *Net[T]) Memory() int { return len(n.arena.data) }

// Run computes the loss of a batch, whose images are in InputValues, and adds to the parameters' gradients.
func (n *Net[T]) Run(labels []uint8) (loss float64, err error) {
	n.labels, n.clock = labels, 0
	n.vm.Reset()
	if err := n.vm.RunAll(); err != nil {
		return 0, err
	}
	if want := 2 * len(n.steps); n.clock != want {
		return 0, fmt.Errorf("gorgonia ran %d of %d steps", n.clock, want)
	}
	runtime.KeepAlive(n) // whose memory is not the heap's
	v, ok := n.loss.Value().Data().(T)
	if !ok {
		return 0, fmt.Errorf("the loss is %T, want a number", n.loss.Value().Data())
	}
	return float64(v), nil
}

// InputValues is where the image [C, N, H, W] goes before a run.
func (n *Net[T]) InputValues() []T { return n.input.values }

// InputGradients is the gradient of the image after a run, if InputGradient was set.
func (n *Net[T]) InputGradients() []T { return elements[T](n.inputGrad.Value()) }

// Close releases the machine that runs the graph.
func (n *Net[T]) Close() error { return n.vm.Close() }
