package precision

import (
	"context"
	"fmt"
	"math"
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// maxHalf is the largest finite float16.
const maxHalf = 65504

// halfMargin is how many times larger than anything measured a float16 must be able to hold, and ownMargin the same where
// the pictures are the compiler's own, which no real ones need resemble.
const (
	halfMargin = 4
	ownMargin  = 32
)

// maxLoss is the relative error ‖v − half(v)‖ / ‖v‖ from which on float16 has lost digits: rounding alone makes up to
// 3e-4, numbers below 6e-5 lose more, and below 3e-8 all.
const maxLoss = 1e-3

// halves are the operators that compute in float16, with their inputs that do; nil means all. The others keep float:
// Softmax, averages and sums over whole maps, powers, logarithms, normalisations by measured variances.
var halves = map[string][]int{
	"Conv": {0, 1, 2}, "ConvTranspose": {0, 1, 2},
	"Add": nil, "Sub": nil, "Mul": nil, "Concat": nil, "Max": nil, "Min": nil, "Neg": nil, "Abs": nil,
	"Relu": nil, "LeakyRelu": nil, "PRelu": nil, "Clip": nil, "Sigmoid": nil, "Tanh": nil, "HardSigmoid": nil, "HardSwish": nil,
	"MaxPool": nil, "AveragePool": nil, "Resize": {0}, "Slice": {0}, "Pad": {0, 2}, "Split": {0}, "Gather": {0}, "Expand": {0},
	"Reshape": {0}, "Transpose": {0}, "Squeeze": {0}, "Unsqueeze": {0}, "Flatten": {0}, "Identity": {0},
	"DepthToSpace": {0}, "SpaceToDepth": {0},
}

// toHalf writes m, which it may change, with float16 wherever that holds what is there. Inputs and outputs keep their
// types; Casts stand where the types meet.
//
// Float stay: the scores, that is the last convolutions and what lies behind them (Resize, Softmax, ArgMax), because
// rounding would decide between classes that are close; the operators that halves does not list; and, as measured, the
// nodes that read or make a value, or have weights, beyond float16's range or below its digits. Without pictures, the
// measuring is done on pictures made here (white, noise, checkerboards), with a wider margin.
func toHalf(ctx context.Context, m *onnx.Model, o Options) (*onnx.Model, *Report, error) {
	g, err := newGraph(m)
	if err != nil {
		return nil, nil, err
	}
	if err := o.checkKeep(g); err != nil {
		return nil, nil, err
	}
	h := &halver{graph: g, reason: make(map[*onnx.Node]string)}
	feeds := h.feeds()
	candidates := 0
	for _, n := range g.Node {
		if h.reason[n] = h.rule(n, feeds, &o); h.reason[n] == "" {
			candidates++
		}
	}
	pictures, margin := o.Pictures, float64(halfMargin)
	if pictures == nil || pictures.Len() == 0 {
		if pictures, err = ownPictures(g); err != nil {
			return nil, nil, err
		}
		margin = ownMargin
	}
	if candidates > 0 {
		if err := h.measure(ctx, &observer{model: m, pictures: pictures, engine: o.Engine, threads: o.Threads}, margin); err != nil {
			return nil, nil, err
		}
	}
	r := &Report{All: len(g.Node)}
	if o.Pictures != nil {
		r.Pictures = o.Pictures.Len()
	}
	for _, n := range g.Node {
		if h.reason[n] == "" {
			r.Nodes++
		} else if h.reason[n] != noFloats {
			r.Float = append(r.Float, Kept{n.GetName(), n.GetOpType(), h.reason[n]})
		}
	}
	if err := h.write(); err != nil {
		return nil, nil, err
	}
	return m, r, cleared(m)
}

// halver turns a graph to float16.
type halver struct {
	*graph
	reason map[*onnx.Node]string // why a node stays as it is; "" for those that compute in float16
	done   []*onnx.Node
	casts  map[string]string // the other type's version of a value
	half   map[string]bool   // the values that are float16 now
}

// noFloats is the reason of nodes that there is nothing to say about.
const noFloats = "no float"

// rule says why a node stays float whatever its values are.
func (h *halver) rule(n *onnx.Node, feeds map[string]bool, o *Options) string {
	if !slices.ContainsFunc(n.Output, h.float) {
		if slices.ContainsFunc(n.Input, h.float) && n.OpType != "Shape" && n.OpType != "Cast" {
			return "it reads the scores"
		}
		return noFloats
	}
	inputs, ok := halves[n.OpType]
	domain := n.GetDomain()
	switch {
	case o.kept(n.GetName()):
		return "asked for"
	case !slices.ContainsFunc(n.Output, func(v string) bool { return feeds[v] }):
		return "it makes the scores or works on them: no convolution reads what comes of it"
	case n.OpType == "Cast":
		return noFloats
	case !ok || domain != "" && domain != "ai.onnx":
		return n.OpType + " keeps float32: it sums, divides or takes powers"
	}
	for i, v := range n.Input {
		if info := h.info[v]; v != "" && (inputs == nil || slices.Contains(inputs, i)) && info.DType != tensor.Float32 {
			return noFloats // it moves integers
		}
	}
	schema, err := op.Lookup(domain, n.OpType, h.opset)
	if err != nil {
		return err.Error()
	}
	if formal, ok := schema.Input(0); !ok || !formal.Types.Has(tensor.Float16) {
		return fmt.Sprintf("%s of opset %d takes no float16", n.OpType, h.opset)
	}
	return ""
}

// feeds are the values that a convolution or a product of matrices reads, at whatever distance.
func (h *halver) feeds() map[string]bool {
	feeds := make(map[string]bool)
	for _, n := range slices.Backward(h.Node) {
		if products[n.GetOpType()] || slices.ContainsFunc(n.GetOutput(), func(v string) bool { return feeds[v] }) {
			for _, v := range n.GetInput() {
				feeds[v] = true
			}
		}
	}
	return feeds
}

// halfInputs are the inputs of a node that become float16.
func (h *halver) halfInputs(n *onnx.Node) []int {
	var list []int
	for i, v := range n.Input {
		if in := halves[n.OpType]; v != "" && (in == nil || slices.Contains(in, i)) {
			list = append(list, i)
		}
	}
	return list
}

// measure finds the nodes whose values or weights float16 does not hold.
func (h *halver) measure(ctx context.Context, watch *observer, margin float64) error {
	verdict := make(map[string]string)
	var values []string
	seen := make(map[string]bool)
	note := func(v string) error {
		if seen[v] {
			return nil
		}
		seen[v] = true
		t := h.consts[v]
		if t == nil {
			values = append(values, v)
			return nil
		}
		w, err := onnx.Decode(t)
		if err != nil {
			return err
		}
		var l loss
		l.add(tensor.Data[float32](w))
		verdict[v] = l.verdict("its weights", 1)
		return nil
	}
	for _, n := range h.Node {
		if h.reason[n] != "" {
			continue
		}
		for _, i := range h.halfInputs(n) {
			if err := note(n.Input[i]); err != nil {
				return err
			}
		}
		for _, v := range n.Output {
			if err := note(v); err != nil {
				return err
			}
		}
	}
	losses := make(map[string]*loss)
	err := watch.each(ctx, values, func(v string, data []float32) {
		if losses[v] == nil {
			losses[v] = &loss{}
		}
		losses[v].add(data)
	})
	if err != nil {
		return err
	}
	for v, l := range losses {
		verdict[v] = l.verdict("a value", margin)
	}
	for _, n := range h.Node {
		if h.reason[n] != "" {
			continue
		}
		for _, v := range n.Output {
			if r := verdict[v]; r != "" {
				h.reason[n] = r
			}
		}
		for _, i := range h.halfInputs(n) {
			if r := verdict[n.Input[i]]; r != "" {
				h.reason[n] = r
			}
		}
	}
	return nil
}

// loss is what float16 makes of numbers.
type loss struct{ most, error, energy float64 }

func (l *loss) add(data []float32) {
	for _, v := range data {
		x := float64(v)
		l.most = max(l.most, math.Abs(x))
		d := x - float64(tensor.ToF16(v).Float32())
		l.error, l.energy = l.error+float64(d*d), l.energy+float64(x*x)
	}
}

// verdict is why the numbers must stay float, "" if they need not.
func (l *loss) verdict(what string, margin float64) string {
	switch {
	case l.most*margin > maxHalf:
		return fmt.Sprintf("%s reaches %.3g, float16 holds %d, wanted %g times as much", what, l.most, maxHalf, margin)
	case l.energy > 0 && math.Sqrt(l.error/l.energy) > maxLoss:
		return fmt.Sprintf("%s of up to %.3g loses %.2g of itself in float16", what, l.most, math.Sqrt(l.error/l.energy))
	}
	return ""
}

// write replaces the graph's nodes.
func (h *halver) write() error {
	h.casts, h.half = make(map[string]string), make(map[string]bool)
	for _, n := range h.Node {
		compute := h.reason[n] == ""
		var wanted []int
		if compute {
			wanted = h.halfInputs(n)
		}
		for i, v := range n.Input {
			switch {
			case v == "" || slices.Contains(wanted, i) == h.half[v]:
			case h.consts[v] != nil:
				name, err := h.halved(v)
				if err != nil {
					return err
				}
				n.Input[i] = name
			default:
				n.Input[i] = h.cast(v)
			}
		}
		h.done = append(h.done, n)
		if !compute {
			continue
		}
		for i, v := range n.Output {
			if v == "" {
				continue
			}
			h.half[v] = true
			if h.output[v] { // what the graph gives stays float
				n.Output[i] = fresh(h.values, v+"/half")
				h.half[v], h.half[n.Output[i]] = false, true
				h.done = append(h.done, h.node("Cast", []string{n.Output[i]}, v, onnx.AttrInt("to", int(tensor.Float32))))
				h.casts[v] = n.Output[i]
			}
		}
	}
	h.Graph.Node = h.done
	return nil
}

// cast gives a value in the other of the two types.
func (h *halver) cast(v string) string {
	if have := h.casts[v]; have != "" {
		return have
	}
	suffix, to := "/half", tensor.Float16
	if h.half[v] {
		suffix, to = "/float", tensor.Float32
	}
	out := fresh(h.values, v+suffix)
	h.done = append(h.done, h.node("Cast", []string{v}, out, onnx.AttrInt("to", int(to))))
	h.casts[v] = out
	return out
}

// halved gives a constant in float16.
func (h *halver) halved(name string) (string, error) {
	if have := h.casts[name]; have != "" {
		return have, nil
	}
	t, err := onnx.Decode(h.consts[name])
	if err != nil {
		return "", err
	}
	from := tensor.Data[float32](t)
	to := make([]tensor.F16, len(from))
	for i, v := range from {
		to[i] = tensor.ToF16(v)
	}
	h.casts[name] = h.constant(name+"/half", tensor.Of(to, t.Shape...))
	return h.casts[name], nil
}

// made are pictures that need no camera.
type made []*tensor.Tensor

func (p made) Len() int                         { return len(p) }
func (p made) At(i int) (*tensor.Tensor, error) { return p[i], nil }

// ownSide is the side of own pictures where the model's is dynamic.
const ownSide = 129

// ownPictures make a network's values large: white, noise, and checkerboards of one and of 16 pixels beside black.
func ownPictures(g *graph) (Pictures, error) {
	in := g.info[g.Input[0].GetName()]
	if in.Rank() != 4 || in.DType != tensor.Float32 && in.DType != tensor.Uint8 {
		return made{}, nil
	}
	shape := make([]int, 4)
	for k, d := range in.Dims {
		if shape[k] = d.Size; !d.IsKnown() {
			shape[k] = ownSide
		}
	}
	if !in.Dims[0].IsKnown() {
		shape[0] = 1
	}
	n, err := tensor.NumElems(shape)
	if err != nil {
		return nil, err
	}
	width := shape[3]
	if in.DType == tensor.Uint8 {
		width = shape[2]
	}
	var list made
	noise := func(i int) uint8 { return uint8((uint32(i)*2654435761 + 12345) * 2246822519 >> 24) }
	for _, at := range []func(i int) uint8{
		func(int) uint8 { return 255 },
		noise,
		func(i int) uint8 { // three bands: checkerboards of one and of 16 pixels, black
			x, y := i%width, i/width
			switch x * 3 / width {
			case 0:
				return uint8(255 * ((x + y) % 2))
			case 1:
				return uint8(255 * ((x/16 + y/16) % 2))
			}
			return 0
		},
	} {
		if in.DType == tensor.Uint8 {
			data := make([]uint8, n)
			for i := range data {
				data[i] = at(i / 3)
			}
			list = append(list, tensor.Of(data, shape...))
			continue
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(at(i))
		}
		list = append(list, tensor.Of(data, shape...))
	}
	return list, nil
}
