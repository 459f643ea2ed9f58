package train

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/gorgoniaop"
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// ErrUntrainable is wrapped by the errors for graphs that have no gradient here.
var ErrUntrainable = errors.New("cannot be trained")

// Operators lists the operators that can be trained through, besides the integer arithmetic that sizes are made of.
func Operators() []string { return slices.Sorted(maps.Keys(translators)) }

// translators says which method of translation makes the steps of a node.
var translators = map[string]translator{
	"Conv": convs, "BatchNormalization": norms, "Relu": relus, "Add": sums, "Sub": affines, "Mul": affines,
	"Div": affines, "Concat": concats, "Resize": resizes, "GlobalAveragePool": means, "MaxPool": pools,
	"AveragePool": pools, "Expand": expands, "Dropout": dropouts, "Identity": identities,
}

type translator int

const (
	none translator = iota
	convs
	norms
	relus
	sums
	affines
	concats
	resizes
	means
	pools
	expands
	dropouts
	identities
)

// translation takes an ONNX graph into a Net. Values of the graph [N, C, H, W] are features [C, N, H, W].
type translation[T kernel.Float] struct {
	o       *NetworkOptions
	graph   *onnx.Graph
	initial map[string]*onnx.TensorPB
	net     *gorgoniaop.Net[T]
	values  map[string]*op.Info
	needed  []*check.NodeInfo
	readers map[string][]*check.NodeInfo // of the needed nodes, by value
	done    map[*check.NodeInfo]bool
	feature map[string]*gorgoniaop.Feature[T]
	output  string
	classes int
	paths   *dropPaths // nil where nothing is dropped

	params  []*Parameter[T]
	moments []*Moments[T]
	byName  map[string]*Parameter[T]
	shared  *Network[T] // whose parameters are taken
}

// nodeErrorf is an error about a node.
func nodeErrorf(n *check.NodeInfo, format string, args ...any) error {
	return &check.NodeError{Index: n.Index, Name: n.Node.GetName(), Op: n.Node.GetOpType(), Err: fmt.Errorf(format, args...)}
}

// build translates m. Errors about nodes are *check.NodeError and wrap ErrUntrainable where a node is of no use here.
func (b *translation[T]) build(m *onnx.Model, env *gorgoniaop.Env[T]) error {
	b.graph = m.GetGraph()
	b.initial = onnx.Initializers(b.graph)
	input, err := b.interfaceOf()
	if err != nil {
		return err
	}
	g, err := check.Prepare(m, nil)
	if err != nil {
		return err
	}
	r, err := g.Infer(map[string]op.Info{input: op.Of(tensor.Float32, b.o.Batch, 3, b.o.Height, b.o.Width)})
	if err != nil {
		return err
	}
	b.values = r.Values
	b.net = gorgoniaop.NewNet(env, 3, b.o.Batch, b.o.Height, b.o.Width)
	b.net.FreezeNorm = b.o.FreezeBN
	b.feature = map[string]*gorgoniaop.Feature[T]{input: b.net.Input()}
	b.byName, b.done = map[string]*Parameter[T]{}, map[*check.NodeInfo]bool{}
	if err := b.walk(r.Nodes); err != nil {
		return err
	}
	for _, n := range b.needed {
		if b.done[n] {
			continue
		}
		if err := b.translate(n); err != nil {
			return err
		}
	}
	if len(b.params) == 0 && b.shared == nil {
		return fmt.Errorf("the model %w: no node has weights that are initializers", ErrUntrainable)
	}
	return b.net.Build()
}

// interfaceOf finds the one input and the one output.
func (b *translation[T]) interfaceOf() (input string, err error) {
	var inputs []string
	for _, in := range b.graph.GetInput() {
		if b.initial[in.GetName()] == nil {
			inputs = append(inputs, in.GetName())
		}
	}
	if len(inputs) != 1 || len(b.graph.GetOutput()) != 1 {
		return "", fmt.Errorf("the model %w: it has %d inputs and %d outputs, want one input of images [N, 3, H, W] and one output of logits", ErrUntrainable, len(inputs), len(b.graph.GetOutput()))
	}
	b.output = b.graph.GetOutput()[0].GetName()
	return inputs[0], nil
}

// images gives the names of the inputs that are computed from the image, as opposed to constants and sizes.
func (b *translation[T]) images(n *check.NodeInfo) (names []string) {
	for _, name := range n.Node.GetInput() {
		if b.isImage(name) {
			names = append(names, name)
		}
	}
	return names
}

// isImage tells what is computed from the pixels: what inference does not know, and what is no integer.
func (b *translation[T]) isImage(name string) bool {
	v := b.values[name]
	return name != "" && v != nil && v.Value == nil && v.Shape == nil && !v.DType.IsInt()
}

// walk finds the nodes that the output needs, in their order, and the readers of each value.
func (b *translation[T]) walk(nodes []*check.NodeInfo) error {
	made := map[string]*check.NodeInfo{}
	for _, n := range nodes {
		for _, out := range n.Node.GetOutput() {
			made[out] = n
		}
	}
	b.readers = map[string][]*check.NodeInfo{}
	needed := map[*check.NodeInfo]bool{}
	queue := []string{b.output}
	for len(queue) > 0 {
		n := made[queue[0]]
		queue = queue[1:]
		if n == nil || needed[n] {
			continue
		}
		needed[n] = true
		queue = append(queue, b.images(n)...)
	}
	for _, n := range nodes {
		if !needed[n] {
			continue
		}
		b.needed = append(b.needed, n)
		for _, name := range b.images(n) {
			b.readers[name] = append(b.readers[name], n)
		}
	}
	if len(b.needed) == 0 {
		return fmt.Errorf("the model %w: its output is not computed from its input", ErrUntrainable)
	}
	return nil
}

// only gives the one node that reads a value, if it is of the given operator and the value is no output.
func (b *translation[T]) only(name string, operators ...string) *check.NodeInfo {
	r := b.readers[name]
	if len(r) != 1 || name == b.output || !slices.Contains(operators, r[0].Node.GetOpType()) {
		return nil
	}
	return r[0]
}

// in gives the feature of input i.
func (b *translation[T]) in(n *check.NodeInfo, i int) (*gorgoniaop.Feature[T], error) {
	name := ""
	if i < len(n.Node.GetInput()) {
		name = n.Node.GetInput()[i]
	}
	if f := b.feature[name]; f != nil {
		return f, nil
	}
	return nil, nodeErrorf(n, "%w: input %d %q is not computed from the image", ErrUntrainable, i, name)
}

// set says which feature a node's first output is.
func (b *translation[T]) set(n *check.NodeInfo, f *gorgoniaop.Feature[T]) error {
	b.done[n] = true
	b.feature[n.Node.GetOutput()[0]] = f
	if n.Node.GetOutput()[0] == b.output {
		return b.loss(f, nil, nil)
	}
	return nil
}

// label is what messages call a node.
func label(n *check.NodeInfo) string {
	if n.Node.GetName() != "" {
		return onnx.Printable(n.Node.GetName())
	}
	return fmt.Sprintf("#%d", n.Index)
}

func (b *translation[T]) loss(x *gorgoniaop.Feature[T], ty, tx *kernel.Taps[T]) error {
	if o := b.o; len(o.ClassWeights) != 0 && len(o.ClassWeights) != x.C {
		return fmt.Errorf("%d class weights for the network's %d classes", len(o.ClassWeights), x.C)
	}
	b.classes = x.C
	return b.net.Loss(kernel.ResizedLoss[T]{Y: ty, X: tx, Ignore: b.o.Ignore, Smoothing: b.o.Smoothing, Weights: b.o.ClassWeights}, x)
}

// translate adds the steps of a node, and of those behind it that are fused with it.
func (b *translation[T]) translate(n *check.NodeInfo) error {
	kind := n.Node.GetOpType()
	if d := n.Node.GetDomain(); d != "" && d != "ai.onnx" {
		kind = d + "." + kind
	}
	switch translators[kind] {
	case convs:
		return b.conv(n)
	case norms:
		return b.norm(n)
	case relus:
		return b.relu(n)
	case sums:
		return b.sum(n)
	case affines:
		return b.affine(n)
	case concats:
		return b.concat(n)
	case resizes:
		return b.resize(n)
	case means:
		return b.mean(n)
	case pools:
		return b.pool(n)
	case expands:
		return b.expand(n)
	case dropouts:
		return b.dropout(n)
	case identities:
		x, err := b.in(n, 0)
		if err != nil {
			return err
		}
		return b.set(n, x)
	}
	return nodeErrorf(n, "%w: the operator has no gradient here (those of %s have)", ErrUntrainable, strings.Join(Operators(), ", "))
}

// learned finds or makes the parameter of an initializer that must have the given number of elements. Values that are
// constant otherwise are used, but not learnt.
func (b *translation[T]) learned(n *check.NodeInfo, i int, decay bool) (gorgoniaop.Learned[T], []int, error) {
	none := gorgoniaop.Learned[T]{}
	name := n.Node.GetInput()[i]
	v := b.values[name]
	if v == nil || v.Value == nil || v.DType != tensor.Float32 {
		return none, nil, nodeErrorf(n, "%w: input %d %q is %s and not constant, want a constant of float", ErrUntrainable, i, name, v)
	}
	data, shape := tensor.Data[float32](v.Value), v.Value.Shape
	if b.shared != nil {
		for _, p := range b.shared.params {
			if p.Name == name {
				return gorgoniaop.Learned[T]{Value: p.Value, Gradient: p.Gradient}, shape, nil
			}
		}
	}
	p := b.byName[name]
	if p == nil {
		p = &Parameter[T]{Name: name, Shape: slices.Clone(shape), Value: convert[T](data), Decay: decay}
		if b.initial[name] == nil {
			return gorgoniaop.Learned[T]{Value: p.Value}, shape, nil
		}
		p.Gradient = make([]T, len(data))
		b.byName[name] = p
		b.params = append(b.params, p)
	}
	return gorgoniaop.Learned[T]{Value: p.Value, Gradient: p.Gradient}, shape, nil
}

func convert[T, S kernel.Float](s []S) []T {
	d := make([]T, len(s))
	for i, v := range s {
		d[i] = T(v)
	}
	return d
}

func axis(a op.ConvAxis) gorgoniaop.Axis {
	return gorgoniaop.Axis{In: a.In, Out: a.Out, Kernel: a.Kernel, Stride: a.Stride, Dilation: a.Dilation, Begin: a.Begin}
}

// conv is Conv [→ BatchNormalization] [→ Relu].
func (b *translation[T]) conv(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	weights, shape, err := b.learned(n, 1, true)
	if err != nil {
		return err
	}
	if len(shape) != 4 {
		return nodeErrorf(n, "%w: a convolution over %d axes, want 2", ErrUntrainable, len(shape)-2)
	}
	axes, err := op.ConvAxes(n.Call, []int{x.H, x.W}, shape[2:])
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	s := gorgoniaop.ConvSpec[T]{Name: label(n), Out: shape[0], Groups: n.Call.Attrs.Int("group"), Weights: weights, Y: axis(axes[0]), X: axis(axes[1])}
	if in := n.Node.GetInput(); len(in) > 2 && in[2] != "" {
		bias, _, err := b.learned(n, 2, false)
		if err != nil {
			return err
		}
		s.Bias = &bias
	}
	last := n
	if norm := b.only(n.Node.GetOutput()[0], "BatchNormalization"); norm != nil && norm.Node.GetInput()[0] == n.Node.GetOutput()[0] {
		spec, err := b.normSpec(norm, s.Out)
		if err != nil {
			return err
		}
		s.Norm, last = &spec, norm
		b.done[n] = true
	}
	if relu := b.only(last.Node.GetOutput()[0], "Relu"); relu != nil {
		b.done[last] = true
		s.Relu, last = true, relu
	}
	y, err := b.net.Conv(s, x)
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	return b.finish(last, y)
}

// finish is set for the last of fused nodes; it adds the dropout that stands behind the ASPP's projection.
func (b *translation[T]) finish(last *check.NodeInfo, y *gorgoniaop.Feature[T]) error {
	if b.o.Dropout > 0 && b.paths.ours() && strings.HasPrefix(last.Node.GetName(), "aspp/project/") && last.Node.GetOpType() == "Relu" {
		y = b.net.Dropout(label(last), placeOf(last), b.o.Dropout, y)
	}
	return b.set(last, y)
}

// placeOf tells the random numbers of a node from those of others.
func placeOf(n *check.NodeInfo) uint64 { return uint64(n.Index) }

func (b *translation[T]) normSpec(n *check.NodeInfo, channels int) (s gorgoniaop.NormSpec[T], err error) {
	if n.Call.Attrs.Has("spatial") && n.Call.Attrs.Int("spatial") == 0 {
		return s, nodeErrorf(n, "%w: attribute \"spatial\" is 0, want 1", ErrUntrainable)
	}
	for _, out := range n.Node.GetOutput()[1:] {
		if len(b.readers[out]) > 0 {
			return s, nodeErrorf(n, "%w: its output %q is read, want only the first", ErrUntrainable, out)
		}
	}
	if s.Scale, _, err = b.learned(n, 1, false); err != nil {
		return s, err
	}
	if s.Shift, _, err = b.learned(n, 2, false); err != nil {
		return s, err
	}
	in := n.Node.GetInput()
	m := &Moments[T]{Node: n.Node.GetName(), MeanName: in[3], VarianceName: in[4]}
	for i, dst := range []*[]T{&m.Mean, &m.Variance} {
		v := b.values[in[3+i]]
		if v == nil || v.Value == nil || v.DType != tensor.Float32 {
			return s, nodeErrorf(n, "%w: input %d %q is %s and not constant, want a constant of float", ErrUntrainable, 3+i, in[3+i], v)
		}
		*dst = convert[T](tensor.Data[float32](v.Value))
	}
	if b.shared != nil {
		m = b.shared.moments[len(b.moments)]
	}
	b.moments = append(b.moments, m)
	s.Moments = gorgoniaop.Moments[T]{Mean: m.Mean, Variance: m.Variance}
	s.Epsilon = float64(n.Call.Attrs.Float("epsilon"))
	return s, nil
}

// norm is BatchNormalization [→ Relu] that no convolution stands before.
func (b *translation[T]) norm(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	spec, err := b.normSpec(n, x.C)
	if err != nil {
		return err
	}
	last := n
	if relu := b.only(n.Node.GetOutput()[0], "Relu"); relu != nil {
		b.done[n] = true
		last = relu
	}
	y, err := b.net.Norm(label(n), spec, last != n, x)
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	return b.finish(last, y)
}

func (b *translation[T]) relu(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	return b.set(n, b.net.Relu(label(n), x))
}

// sum is Add of images; with a constant, Add is affine.
func (b *translation[T]) sum(n *check.NodeInfo) error {
	if len(b.images(n)) < len(n.Node.GetInput()) {
		return b.affine(n)
	}
	var in []*gorgoniaop.Feature[T]
	for i := range n.Node.GetInput() {
		x, err := b.in(n, i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	y, err := b.net.Sum(label(n), placeOf(n), b.paths.of(n.Node.GetName()), in...)
	if err != nil {
		return nodeErrorf(n, "%w: %w", ErrUntrainable, err)
	}
	return b.set(n, y)
}

// affine is Mul, Div, Add, Sub by constants, one after the other.
func (b *translation[T]) affine(n *check.NodeInfo) error {
	images := b.images(n)
	if len(images) != 1 {
		return nodeErrorf(n, "%w: inputs %d images, want one image and one constant", ErrUntrainable, len(images))
	}
	x, err := b.in(n, slices.Index(n.Node.GetInput(), images[0]))
	if err != nil {
		return err
	}
	factor, term := []T{1}, []T{0}
	last := n
	for at := n; at != nil; at = b.only(last.Node.GetOutput()[0], "Mul", "Div", "Add", "Sub") {
		c, first, ok := b.constant(at, x.C)
		if !ok {
			if at == n {
				return nodeErrorf(n, "%w: its constant is neither one number nor one a channel [C, 1, 1]", ErrUntrainable)
			}
			break
		}
		if at.Node.GetOpType() == "Div" && first {
			return nodeErrorf(at, "%w: a constant is divided by an image", ErrUntrainable)
		}
		factor, term = fold(at.Node.GetOpType(), first, c, factor, term)
		last = at
		b.done[at] = true
	}
	y, err := b.net.Affine(label(n), factor, term, x)
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	return b.set(last, y)
}

// constant gives the constant operand of a node as one number or one a channel; first says that it stands before the
// image.
func (b *translation[T]) constant(n *check.NodeInfo, channels int) (c []T, first, ok bool) {
	in := n.Node.GetInput()
	if len(in) != 2 || len(b.images(n)) != 1 {
		return nil, false, false
	}
	k := 0
	if b.isImage(in[0]) {
		k = 1
	}
	v := b.values[in[k]]
	if v == nil || v.Value == nil || v.DType != tensor.Float32 {
		return nil, false, false
	}
	shape := v.Value.Shape
	for i, d := range shape {
		if fromEnd := len(shape) - i; d != 1 && (fromEnd != 3 || d != channels) || fromEnd > 4 {
			return nil, false, false
		}
	}
	return convert[T](tensor.Data[float32](v.Value)), k == 0, true
}

// fold puts an operation by a constant c behind x·factor + term.
func fold[T kernel.Float](kind string, first bool, c, factor, term []T) (f, t []T) {
	n := max(len(c), len(factor), len(term))
	f, t = make([]T, n), make([]T, n)
	for i := range n {
		x, a, b := c[i%len(c)], factor[i%len(factor)], term[i%len(term)]
		switch {
		case kind == "Mul":
			f[i], t[i] = a*x, b*x
		case kind == "Div":
			f[i], t[i] = a/x, b/x
		case kind == "Add":
			f[i], t[i] = a, b+x
		case first: // c − image
			f[i], t[i] = -a, x-b
		default:
			f[i], t[i] = a, b-x
		}
	}
	return f, t
}

func (b *translation[T]) concat(n *check.NodeInfo) error {
	if a := n.Call.Attrs.Int("axis"); a != 1 && a != -3 {
		return nodeErrorf(n, "%w: attribute \"axis\" is %d, want 1 (the channels)", ErrUntrainable, a)
	}
	var in []*gorgoniaop.Feature[T]
	for i := range n.Node.GetInput() {
		x, err := b.in(n, i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	y, err := b.net.Concat(label(n), in...)
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	return b.set(n, y)
}

var coordinates = map[string]kernel.Coordinates{
	"half_pixel": kernel.HalfPixel, "half_pixel_symmetric": kernel.HalfPixelSymmetric,
	"pytorch_half_pixel": kernel.PytorchHalfPixel, "align_corners": kernel.AlignCorners, "asymmetric": kernel.Asymmetric,
	"tf_half_pixel_for_nn": kernel.HalfPixelForNearest,
}

var interpolations = map[string]kernel.Interpolation{"nearest": kernel.Nearest, "linear": kernel.Linear, "cubic": kernel.Cubic}

var roundings = map[string]kernel.Rounding{
	"round_prefer_floor": kernel.RoundPreferFloor, "round_prefer_ceil": kernel.RoundPreferCeil,
	"floor": kernel.RoundFloor, "ceil": kernel.RoundCeil,
}

// taps works out how a Resize node of opset 11 or later resamples rows and columns.
func (b *translation[T]) taps(n *check.NodeInfo) (y, x *kernel.Taps[T], err error) {
	a := n.Call.Attrs
	s := kernel.Sampling{CubicA: float64(a.Float("cubic_coeff_a")), ExcludeOutside: a.Int("exclude_outside") == 1, Antialias: a.Int("antialias") == 1}
	var known [3]bool
	s.Interpolation, known[0] = interpolations[a.String("mode")]
	s.Coordinates, known[1] = coordinates[a.String("coordinate_transformation_mode")]
	s.Rounding, known[2] = roundings[a.String("nearest_mode")]
	if n.Call.Schema.Since < 11 || slices.Contains(known[:], false) {
		return nil, nil, nodeErrorf(n, "%w: opset %d, mode %q, coordinate_transformation_mode %q; want opset 11 or later and any but tf_crop_and_resize",
			ErrUntrainable, n.Call.Opset, a.String("mode"), a.String("coordinate_transformation_mode"))
	}
	c := *n.Call
	axes, err := op.ResizeAxes(&c)
	if err != nil {
		return nil, nil, nodeErrorf(n, "%w", err)
	}
	if len(axes) != 4 || !axes[0].Keeps() || !axes[1].Keeps() {
		return nil, nil, nodeErrorf(n, "%w: it resizes other axes than rows and columns", ErrUntrainable)
	}
	var taps [2]*kernel.Taps[T]
	for i, axis := range axes[2:] {
		if axis.Keeps() {
			continue
		}
		taps[i] = kernel.NewTaps[T](kernel.Span(axis), s)
		if taps[i].Weight == nil { // nearest: one tap of weight 1
			taps[i].Weight = slices.Repeat([]T{1}, len(taps[i].Index))
		}
	}
	return taps[0], taps[1], nil
}

// resize is Resize; the last one of the graph becomes part of the loss.
func (b *translation[T]) resize(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	ty, tx, err := b.taps(n)
	if err != nil {
		return err
	}
	if n.Node.GetOutput()[0] == b.output && len(b.readers[b.output]) == 0 {
		b.done[n] = true
		return b.loss(x, ty, tx)
	}
	if ty == nil && tx == nil {
		return b.set(n, x)
	}
	return b.set(n, b.net.Resize(label(n), ty, tx, x))
}

func (b *translation[T]) mean(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	return b.set(n, b.net.Mean(label(n), x))
}

func (b *translation[T]) pool(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	axes, err := op.PoolAxes(n.Call, []int{x.H, x.W})
	if err != nil {
		return nodeErrorf(n, "%w", err)
	}
	for _, out := range n.Node.GetOutput()[1:] {
		if out != "" {
			return nodeErrorf(n, "%w: it gives the indices of its maxima, too", ErrUntrainable)
		}
	}
	y, err := b.net.Pool(gorgoniaop.PoolSpec{Name: label(n), Max: n.Node.GetOpType() == "MaxPool", Y: axis(op.ConvAxis(axes[0])), X: axis(op.ConvAxis(axes[1])),
		CountPadding: n.Call.Attrs.Int("count_include_pad") == 1, EndY: axes[0].End, EndX: axes[1].End}, x)
	if err != nil {
		return nodeErrorf(n, "%w: %w", ErrUntrainable, err)
	}
	return b.set(n, y)
}

// expand is Expand of one pixel over an image.
func (b *translation[T]) expand(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	size, ok := b.values[n.Node.GetOutput()[0]].Sizes()
	if !ok || len(size) != 4 || size[0] != x.N || size[1] != x.C {
		return nodeErrorf(n, "%w: it makes %s, want an image of the same batch and channels", ErrUntrainable, b.values[n.Node.GetOutput()[0]])
	}
	if size[2] == x.H && size[3] == x.W {
		return b.set(n, x)
	}
	y, err := b.net.Spread(label(n), size[2], size[3], x)
	if err != nil {
		return nodeErrorf(n, "%w: %w", ErrUntrainable, err)
	}
	return b.set(n, y)
}

func (b *translation[T]) dropout(n *check.NodeInfo) error {
	x, err := b.in(n, 0)
	if err != nil {
		return err
	}
	if b.o.Dropout == 0 {
		return b.set(n, x)
	}
	return b.set(n, b.net.Dropout(label(n), placeOf(n), b.o.Dropout, x))
}

// dropPaths is ScheduledDropPath (the authors' release, core/nas_cell.py; specification §4.3): a branch of a block is
// kept with a probability that falls with the layer and, over the training, with the step.
type dropPaths struct {
	a    *decode.Architecture
	p    float64
	part float64 // of the training that is behind
	adds map[string][2]int
}

func newDropPaths(m *onnx.Model, p float64) *dropPaths {
	a, err := compile.Architecture(m)
	if err != nil {
		return nil
	}
	d := &dropPaths{a: a, p: p, adds: map[string][2]int{}}
	for l := range a.Path {
		for i := range a.Cell {
			d.adds[fmt.Sprintf("cell%d/block%d/add", l, i)] = [2]int{l, i}
		}
	}
	return d
}

// ours reports whether the network is one that package compile made.
func (d *dropPaths) ours() bool { return d != nil }

// keep is the probability of a branch of a layer, counted from 0.
func (d *dropPaths) keep(layer int) float64 {
	last := 1 - float64(layer+1)/float64(len(d.a.Path))*(1-d.p)
	return 1 - d.part*(1-last)
}

// of gives what drops the branches of the Add of a name. Every operator but the skip may be dropped.
func (d *dropPaths) of(name string) []gorgoniaop.DropPath {
	if d == nil || d.p == 1 {
		return nil
	}
	at, ok := d.adds[name]
	if !ok {
		return nil
	}
	drops := make([]gorgoniaop.DropPath, 2)
	for k, branch := range d.a.Cell[at[1]] {
		if branch.Op == decode.SkipConnect {
			continue
		}
		drops[k] = func(c gorgoniaop.Chance, factors []float64) []float64 {
			keep := d.keep(at[0])
			for i := range factors {
				if factors[i] = 0; c.Uniform(uint64(i)) < keep {
					factors[i] = 1 / keep
				}
			}
			return factors
		}
	}
	return drops
}
