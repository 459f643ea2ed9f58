package pass

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// fold-normalization merges the scaling of a convolution's input into its weights, and leaves one subtraction.
//
//	m = Mul(x, 2/255)
//	n = Sub(m, 1)                        n = Sub(x, 127.5)
//	y = Conv<pads = 1>(n, w, b)    →     y = Conv<pads = 1>(n, w·2/255, b)
//
// Any chain of Mul, Div, Add and Sub by constants, one number or one a channel, is x ↦ a·x + d = a·(x − c) with
// c = −d/a. The factor a goes into the kernel, input channel by input channel. The subtraction stays because of the
// border: a convolution pads what it reads with 0, and 0 must mean what it meant before, the value c of x (grey 127.5).
// It costs what a Pad with that value would, works with auto_pad on axes of unknown size, and is itself exact for the
// bytes of a picture. Where the convolution pads nothing, or c is 0, it goes, too, and d·Σw becomes part of the bias.
//
// The products are computed in float64 and rounded once. It applies where the values between have no other reader
// and the kernel is a constant. Convolutions that share a kernel share the scaled one.
func foldNormalization(g *Graph, _ int) error {
	dead := make(map[*onnx.Node]bool)
	made := make(map[string]string)
	for _, conv := range g.GetNode() {
		if !is(conv, "Conv", 2) {
			continue
		}
		if err := g.mergeScaling(conv, dead, made); err != nil {
			return err
		}
	}
	g.Remove(dead)
	return nil
}

// affine is x ↦ factor·x + shift, channel by channel.
type affine struct{ factor, shift []float64 }

// mergeScaling does it for one convolution, and notes the nodes that it needs no more. made holds scaled kernels.
func (g *Graph) mergeScaling(conv *onnx.Node, dead map[*onnx.Node]bool, made map[string]string) error {
	switch g.Producer[conv.Input[0]].GetOpType() {
	case "Mul", "Div", "Add", "Sub":
	default:
		return nil // before any weight is decoded
	}
	w, err := g.floats(conv.Input[1])
	if w == nil || err != nil || len(w.Shape) < 3 {
		return err
	}
	groups := int(intAttr(conv, "group", 1))
	if groups < 1 || w.Shape[0]%groups != 0 || w.NumElems() == 0 {
		return nil
	}
	channels := w.Shape[1] * groups
	f := affine{slices.Repeat([]float64{1}, channels), make([]float64, channels)}
	var chain []*onnx.Node // from the convolution back
	x := conv.Input[0]
	for {
		n := g.Producer[x]
		if n == nil || g.Uses[x] != 1 || g.Fixed[x] {
			break
		}
		step, from, err := g.affineStep(n, channels, len(w.Shape)-2)
		if err != nil {
			return err
		}
		if from == "" {
			break
		}
		for c := range channels {
			f.shift[c] += f.factor[c] * step.shift[c]
			f.factor[c] *= step.factor[c]
		}
		chain = append(chain, n)
		x = from
	}
	center, centered := f.center()
	if len(chain) == 0 || center == nil {
		return nil
	}
	pads := !padsNothing(conv, w.Shape[2:])
	switch {
	case pads && centered && len(chain) == 1 && !f.scales():
		return nil // the one subtraction that stays
	case !pads || !centered:
		if ok, err := g.mergeShift(conv, w, groups, f); !ok || err != nil {
			return err
		}
		conv.Input[0] = x
	default:
		last := chain[0]
		shape := []int{}
		if len(center) > 1 {
			shape = append([]int{len(center)}, slices.Repeat([]int{1}, len(w.Shape)-2)...)
		}
		c := g.setConst(g.fresh(last.Output[0]+"/center"), tensor.Of(center, shape...))
		*last = *onnx.NewNode("Sub", last.GetName(), []string{x, c}, last.Output[:1])
		chain = chain[1:]
	}
	for _, n := range chain {
		dead[n] = true
	}
	conv.Input[1] = g.derived(conv.Input[1], true, "/scaled/weight", fmt.Sprint(groups, f.factor), made, func() *tensor.Tensor { return scaleColumns(w, groups, f.factor) })
	return nil
}

// affineStep reads a node as x ↦ factor·x + shift; from is x, or "" if the node is something else.
func (g *Graph) affineStep(n *onnx.Node, channels, spatial int) (f affine, from string, err error) {
	if !is(n, n.GetOpType(), 2) || len(n.Input) != 2 {
		return f, "", nil
	}
	op := n.GetOpType()
	side := 1
	if op == "Mul" || op == "Add" || op == "Sub" {
		if g.Consts[n.Input[1]] == nil {
			side = 0
		}
	} else if op != "Div" {
		return f, "", nil
	}
	k, err := g.perChannel(n.Input[side], channels, spatial)
	if k == nil || err != nil || g.Consts[n.Input[1-side]] != nil {
		return f, "", err
	}
	f = affine{slices.Repeat([]float64{1}, channels), make([]float64, channels)}
	for c, v := range k {
		switch {
		case op == "Mul":
			f.factor[c] = v
		case op == "Div":
			f.factor[c] = 1 / v
		case op == "Add":
			f.shift[c] = v
		case side == 1:
			f.shift[c] = -v
		default: // a constant minus x
			f.factor[c], f.shift[c] = -1, v
		}
	}
	return f, n.Input[1-side], nil
}

// perChannel gives the contents of a constant that is one number, or one a channel along axis 1.
func (g *Graph) perChannel(name string, channels, spatial int) ([]float64, error) {
	t, err := g.floats(name)
	if t == nil || err != nil || len(t.Shape) > spatial+2 {
		return nil, err
	}
	data := tensor.Data[float32](t)
	out := make([]float64, channels)
	axis := len(t.Shape) - spatial - 1
	switch {
	case len(data) == 1:
		for c := range out {
			out[c] = float64(data[0])
		}
	case len(data) == channels && axis >= 0 && t.Shape[axis] == channels:
		for c := range out {
			out[c] = float64(data[c])
		}
	default:
		return nil, nil
	}
	return out, nil
}

// center gives c of a·(x − c), one number where all channels have the same; centered is false where all are 0. It is
// nil where a is 0 or something is not finite.
func (f affine) center() (center []float32, centered bool) {
	for i, a := range f.factor {
		c := float32(-f.shift[i] / a)
		if f.shift[i] == 0 {
			c = 0 // not −0
		}
		if a == 0 || math.IsNaN(float64(c)) || math.IsInf(float64(c), 0) || math.IsNaN(a) || math.IsInf(a, 0) {
			return nil, false
		}
		center = append(center, c)
		centered = centered || c != 0
	}
	if len(slices.Compact(slices.Clone(center))) == 1 {
		center = center[:1]
	}
	return center, centered
}

func (f affine) scales() bool {
	return slices.ContainsFunc(f.factor, func(a float64) bool { return a != 1 })
}

// mergeShift adds to the bias what the convolution makes of the shift, if there is one, and reports whether it could.
func (g *Graph) mergeShift(conv *onnx.Node, w *tensor.Tensor, groups int, f affine) (bool, error) {
	if !slices.ContainsFunc(f.shift, func(d float64) bool { return d != 0 }) {
		return true, nil
	}
	outputs := w.Shape[0]
	bias := make([]float32, outputs)
	if len(conv.Input) > 2 && conv.Input[2] != "" {
		t, err := g.floats(conv.Input[2])
		if t == nil || err != nil || t.NumElems() != outputs {
			return false, err
		}
		copy(bias, tensor.Data[float32](t))
	}
	kernel := tensor.Data[float32](w)
	area := w.NumElems() / (outputs * w.Shape[1])
	for o := range outputs {
		sum := float64(bias[o])
		for i := range w.Shape[1] {
			c := o/(outputs/groups)*w.Shape[1] + i
			for _, v := range kernel[(o*w.Shape[1]+i)*area:][:area] {
				sum += float64(float64(v) * f.shift[c])
			}
		}
		bias[o] = float32(sum)
	}
	conv.Input = []string{conv.Input[0], conv.Input[1], g.setConst(g.fresh(strings.TrimSuffix(conv.Input[1], "/weight")+"/shifted/bias"), tensor.Of(bias, outputs))}
	return true, nil
}

// scaleColumns multiplies each input channel of a kernel by its factor.
func scaleColumns(w *tensor.Tensor, groups int, factor []float64) *tensor.Tensor {
	out := w.Clone()
	kernel := tensor.Data[float32](out)
	area := w.NumElems() / (w.Shape[0] * w.Shape[1])
	for o := range w.Shape[0] {
		for i := range w.Shape[1] {
			a := factor[o/(w.Shape[0]/groups)*w.Shape[1]+i]
			row := kernel[(o*w.Shape[1]+i)*area:][:area]
			for k, v := range row {
				row[k] = float32(float64(v) * a)
			}
		}
	}
	return out
}

// padsNothing reports whether a convolution reads nothing but its input, for any size of that.
func padsNothing(conv *onnx.Node, kernel []int) bool {
	if slices.ContainsFunc(intsAttr(conv, "pads"), func(p int64) bool { return p != 0 }) {
		return false
	}
	switch stringAttr(conv, "auto_pad", "NOTSET") {
	case "NOTSET", "VALID":
		return true
	}
	return !slices.ContainsFunc(kernel, func(k int) bool { return k != 1 })
}
