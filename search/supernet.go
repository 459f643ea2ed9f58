package search

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/decode"
	"autodeeplab/internal/gorgoniaop"
	"autodeeplab/internal/kernel"
)

// Supernet is the relaxed network of a Space for one image size, as a graph of gorgonia (paper §4). It holds no weights:
// those are the Parameters that it was made with.
//
// Images are [3, N, H, W], channel by channel, of the values that dataset makes; logits [classes, N, H, W].
type Supernet[T kernel.Float] struct {
	Batch, Height, Width int

	params *Parameters[T]
	env    *gorgoniaop.Env[T]
	labels *gorgoniaop.Labels
	graph  *gorgonia.ExprGraph
	vm     gorgonia.VM
	image  *tensor.Dense
	logits *gorgonia.Node
	loss   *gorgonia.Node
	cost   *gorgonia.Node // relative to that of uniform α and β; nil if the loss has none
	grads  map[*Parameter[T]]*gorgonia.Node
	nodes  map[*Parameter[T]]*gorgonia.Node
}

// normEpsilon is the backbone's ε (the authors' release; spec §4.7).
const normEpsilon = 1e-3

// IgnoreLabel is the label of pixels that do not count.
const IgnoreLabel = 255

// SupernetOptions are the shape of a graph and what its loss has besides the cross-entropy.
type SupernetOptions struct {
	Batch, Height, Width int
	// Training gives the graph gradients. Without, it normalises with the moving averages and keeps nothing for a backward
	// pass.
	Training bool
	// Cost adds CostWeight times the expected cost, divided by that of uniform α and β, to the loss.
	Cost       string
	CostWeight float64
	CostTable  *CostTable // for Cost "latency"
}

// NewSupernet builds the graph, whose work runs on pool.
func NewSupernet[T kernel.Float](p *Parameters[T], o SupernetOptions, pool *kernel.Pool) (n *Supernet[T], err error) {
	defer func() {
		if r := recover(); r != nil { // gorgonia panics on some errors of a graph's making
			n, err = nil, fmt.Errorf("cannot build the supernet: %v", r)
		}
	}()
	if least := 4; o.Batch < 1 || o.Height < least || o.Width < least {
		return nil, fmt.Errorf("%d images of %d×%d, want at least 1 of %d×%[4]d", o.Batch, o.Height, o.Width, least)
	}
	n = &Supernet[T]{Batch: o.Batch, Height: o.Height, Width: o.Width, params: p,
		env: gorgoniaop.NewEnv[T](pool), labels: &gorgoniaop.Labels{Ignore: IgnoreLabel},
		graph: gorgonia.NewGraph(), nodes: map[*Parameter[T]]*gorgonia.Node{}, grads: map[*Parameter[T]]*gorgonia.Node{}}
	n.env.Training, n.env.Evaluate = o.Training, !o.Training
	n.image = tensor.New(tensor.WithShape(3, o.Batch, o.Height, o.Width), tensor.WithBacking(make([]T, 3*o.Batch*o.Height*o.Width)))

	b := &builder[T]{n: n, space: p.Space, sizes: p.Space.Sizes(o.Height, o.Width)}
	n.logits = b.network()
	if o.Training {
		b.losses(o)
	}
	if b.err != nil {
		return nil, fmt.Errorf("cannot build the supernet: %w", b.err)
	}
	if o.Training {
		learnt := append(append([]*Parameter[T]{}, p.Weights...), p.Alpha, p.Beta)
		var wrt gorgonia.Nodes
		for _, q := range learnt {
			wrt = append(wrt, n.nodes[q])
		}
		grads, err := gorgonia.Grad(b.total, wrt...)
		if err != nil {
			return nil, fmt.Errorf("cannot differentiate the supernet: %w", err)
		}
		for i, q := range learnt {
			n.grads[q] = grads[i]
		}
	}
	n.vm = gorgonia.NewTapeMachine(n.graph)
	return n, nil
}

// Close releases the machine that runs the graph.
func (n *Supernet[T]) Close() error { return n.vm.Close() }

// Mode says what a training step is for.
type Mode int

const (
	// StepWeights computes the gradients of everything and lets the moving averages follow the batch.
	StepWeights Mode = iota
	// StepArchitecture computes the gradients of α and β only.
	StepArchitecture
)

// Step runs the forward and backward passes on a batch: image of 3·N·H·W values, labels of N·H·W. It returns the mean
// cross-entropy; the gradients are then at Gradient.
func (n *Supernet[T]) Step(mode Mode, momentum float64, image []T, labels []uint8) (loss float64, err error) {
	n.env.FreezeWeights = mode == StepArchitecture
	n.env.Momentum = 0
	if mode == StepWeights {
		n.env.Momentum = T(momentum)
	}
	if err := n.run(image, labels); err != nil {
		return 0, err
	}
	return number[T](n.loss)
}

func number[T kernel.Float](n *gorgonia.Node) (float64, error) {
	v, ok := n.Value().Data().(T)
	if !ok {
		return 0, fmt.Errorf("%v is %T, want a number", n, n.Value().Data())
	}
	return float64(v), nil
}

// Cost is the expected cost at the last step relative to that of uniform α and β; 0 if the loss has none.
func (n *Supernet[T]) Cost() float64 {
	if n.cost == nil {
		return 0
	}
	v, _ := number[T](n.cost)
	return v
}

func (n *Supernet[T]) run(image []T, labels []uint8) error {
	dst := n.image.Data().([]T)
	if len(image) != len(dst) {
		return fmt.Errorf("an image of %d values, want %d", len(image), len(dst))
	}
	copy(dst, image)
	n.labels.Classes = labels
	n.vm.Reset()
	return n.vm.RunAll()
}

// Gradient gives the gradient of a parameter at the last step. It belongs to the graph and changes at the next one.
func (n *Supernet[T]) Gradient(p *Parameter[T]) []T {
	return n.grads[p].Value().Data().([]T)
}

// Logits runs the forward pass of a network that is not for training and returns its logits, [classes, N, H, W]. They
// belong to the graph and change at the next run.
func (n *Supernet[T]) Logits(image []T) ([]T, error) {
	if err := n.run(image, nil); err != nil {
		return nil, err
	}
	return n.logits.Value().Data().([]T), nil
}

// builder adds the nodes of a supernet to its graph; after the first error it adds no more.
type builder[T kernel.Float] struct {
	n     *Supernet[T]
	space Space
	sizes [][2]int
	err   error

	alpha, beta *gorgonia.Node // after their softmax
	total       *gorgonia.Node // what is differentiated
}

func (b *builder[T]) must(n *gorgonia.Node, err error) *gorgonia.Node {
	if b.err == nil {
		b.err = err
	}
	return n
}

// param gives a parameter's node.
func (b *builder[T]) param(p *Parameter[T]) *gorgonia.Node {
	if n := b.n.nodes[p]; n != nil {
		return n
	}
	t := tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(p.Data))
	n := gorgonia.NewTensor(b.n.graph, t.Dtype(), t.Dims(), gorgonia.WithShape(p.Shape...), gorgonia.WithName(p.Name), gorgonia.WithValue(t))
	b.n.nodes[p] = n
	return n
}

// conv is [ReLU →] convolution → normalisation with the kernel and moments of a name.
func (b *builder[T]) conv(name string, o gorgoniaop.ConvOptions[T], x *gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	in := []*gorgonia.Node{x, b.param(b.n.params.byName[name])}
	if m, ok := b.n.params.moments[name]; ok {
		o.Norm, o.Moments, o.Epsilon = true, m, normEpsilon
	}
	return b.must(gorgoniaop.Conv(b.n.env, o, in...))
}

// network builds everything from the image to the logits.
func (b *builder[T]) network() *gorgonia.Node {
	p := b.n.params
	image := gorgonia.NewTensor(b.n.graph, b.n.image.Dtype(), 4, gorgonia.WithShape(b.n.image.Shape()...), gorgonia.WithName("image"), gorgonia.WithValue(b.n.image))
	everything := make([]bool, len(p.Alpha.Data))
	for i := range everything {
		everything[i] = true
	}
	b.alpha = b.must(gorgoniaop.Softmax(b.n.env, everything, b.param(p.Alpha)))
	b.beta = b.must(gorgoniaop.Softmax(b.n.env, b.space.liveMoves(), b.param(p.Beta)))

	x := b.conv(stemName(0), gorgoniaop.ConvOptions[T]{Stride: 2, Image: true}, image)
	x = b.conv(stemName(1), gorgoniaop.ConvOptions[T]{Relu: true}, x)
	x = b.conv(stemName(2), gorgoniaop.ConvOptions[T]{Relu: true, Stride: 2}, x)

	var before []*gorgonia.Node    // the layer before last, by level
	last := []*gorgonia.Node{0: x} // the last layer
	for layer := range b.space.Layers {
		next := make([]*gorgonia.Node, b.space.Levels)
		for level := range next {
			if b.space.Exists(layer, level) {
				next[level] = b.node(layer, level, last, before)
			}
		}
		before, last = last, next
	}
	var logits *gorgonia.Node
	for level, x := range last {
		if x == nil || b.err != nil {
			continue
		}
		if l := b.head(level, x); logits == nil {
			logits = l
		} else if b.err == nil {
			logits = b.must(gorgonia.Add(logits, l))
		}
	}
	return logits
}

// losses adds the cross-entropy and the cost to the graph.
func (b *builder[T]) losses(o SupernetOptions) {
	if b.err != nil {
		return
	}
	b.n.loss = b.must(gorgoniaop.CrossEntropy(b.n.env, b.n.labels, b.n.logits))
	b.total = b.n.loss
	if o.Cost == "" || b.err != nil {
		return
	}
	c := b.space.costs(o.Cost, o.Height, o.Width, o.CostTable)
	if scale := b.space.uniformCost(c); scale > 0 {
		c.Scale(1 / scale)
	}
	b.n.cost = b.must(gorgoniaop.ExpectedCost(b.n.env, c, b.alpha, b.beta))
	if b.err != nil {
		return
	}
	weighted := b.must(gorgonia.Mul(b.n.cost, gorgonia.NewConstant(T(o.CostWeight))))
	if b.err == nil {
		b.total = b.must(gorgonia.Add(b.n.loss, weighted))
	}
}

// node builds one node of the trellis from the two layers before it.
func (b *builder[T]) node(layer, level int, last, before []*gorgonia.Node) *gorgonia.Node {
	arriving := make(map[transition]*gorgonia.Node)
	for _, t := range b.space.incoming(layer, level) {
		x, o := last[t.from], gorgoniaop.ConvOptions[T]{Relu: true}
		switch t.move {
		case moveDown:
			o.Stride = 2
		case moveUp:
			if b.err == nil {
				x = b.must(gorgoniaop.Resize(b.n.env, b.sizes[level][0], b.sizes[level][1], x))
			}
		}
		arriving[t] = b.conv(fromName(t), o, x)
	}
	layout := gorgoniaop.CellLayout{Blocks: b.space.Blocks, Channels: b.space.Channels(level), Previous: b.space.Exists(layer-2, level)}
	var previous *gorgonia.Node
	if layout.Previous {
		previous = b.conv(previousName(layer, level), gorgoniaop.ConvOptions[T]{Relu: true}, before[level])
	}
	var sum *gorgonia.Node
	for _, cell := range b.space.cells(layer, level) {
		if b.err != nil {
			return nil
		}
		o := gorgoniaop.CellOptions[T]{CellLayout: layout, Epsilon: normEpsilon, Moments: b.n.params.moments[cell.name]}
		var in []*gorgonia.Node
		for _, t := range cell.transitions {
			in = append(in, arriving[t])
			o.Moves = append(o.Moves, b.space.beta(t))
		}
		if layout.Previous {
			in = append(in, previous)
		}
		in = append(in, b.param(b.n.params.byName[cell.name]), b.alpha, b.beta)
		if out := b.must(gorgoniaop.Cell(b.n.env, o, in...)); sum == nil {
			sum = out
		} else if b.err == nil {
			sum = b.must(gorgonia.Add(sum, out))
		}
	}
	return sum
}

// headRate is the rate of the head's 3×3 convolution times the downsample rate.
const headRate = 96

// head builds the small ASPP of a level and its logits at the image's size (paper §3.2; spec §5).
func (b *builder[T]) head(level int, x *gorgonia.Node) *gorgonia.Node {
	relu := gorgoniaop.ConvOptions[T]{Relu: true}
	one := b.conv(headName(level, "conv1x1"), relu, x)
	three := b.conv(headName(level, "conv3x3"), gorgoniaop.ConvOptions[T]{Relu: true, Dilation: headRate / (4 << level)}, x)
	if b.err != nil {
		return nil
	}
	pooled := b.conv(headName(level, "pooling"), gorgoniaop.ConvOptions[T]{}, b.must(gorgoniaop.GlobalAverage(b.n.env, true, x)))
	if b.err != nil {
		return nil
	}
	all := b.must(gorgoniaop.Concat(b.n.env, one, three, pooled))
	if b.err != nil {
		return nil
	}
	logits := b.must(gorgoniaop.Conv(b.n.env, gorgoniaop.ConvOptions[T]{Relu: true, Bias: true}, all,
		b.param(b.n.params.byName[headName(level, "logits")]), b.param(b.n.params.byName[headName(level, "bias")])))
	if b.err != nil {
		return nil
	}
	return b.must(gorgoniaop.Resize(b.n.env, b.n.Height, b.n.Width, logits))
}

// Relaxation copies α and β out, for decode.
func (p *Parameters[T]) Relaxation() *decode.Relaxation {
	r := &decode.Relaxation{Blocks: p.Space.Blocks, Layers: p.Space.Layers, Levels: p.Space.Levels}
	for _, v := range p.Alpha.Data {
		r.Alpha = append(r.Alpha, float32(v))
	}
	for _, v := range p.Beta.Data {
		r.Beta = append(r.Beta, float32(v))
	}
	return r
}
