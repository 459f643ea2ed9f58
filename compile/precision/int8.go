package precision

import (
	"context"
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// toInt8 writes m, which it may change, in QDQ form:
//
//	x ─▶ QuantizeLinear ─▶ DequantizeLinear ─▶ Conv ─▶ Relu ─▶ QuantizeLinear ─▶ DequantizeLinear ─▶ …
//	                 w(int8) ─▶ DequantizeLinear ─┘ └─ DequantizeLinear ◀─ b(int32)
//
// Activations are uint8 with a zero point, a Relu's with zero point 0, so that the Relu needs no arithmetic; weights int8
// per output channel, symmetric; biases int32. With
// Options.Symmetric, activations are int8 with zero points of 0, and biases stay float. Every quantised value has one pair of nodes, which all its readers share.
// What only moves numbers (Slice, Resize, …) reads and writes one scale, and what joins them (Add, Concat) a scale each.
func toInt8(ctx context.Context, m *onnx.Model, o Options) (*onnx.Model, *Report, error) {
	if onnx.Opset(m) < 13 {
		return nil, nil, optionError("opset %d has no DequantizeLinear by channel: %s int8 needs --opset 13 or newer", onnx.Opset(m), FlagPrecision)
	}
	g, err := newGraph(m)
	if err != nil {
		return nil, nil, err
	}
	if err := o.checkKeep(g); err != nil {
		return nil, nil, err
	}
	watch := &observer{model: m, pictures: o.Pictures, engine: o.Engine, threads: o.Threads}
	p := newPlan(g, &o, nil)
	if len(p.int8) == 0 {
		return nil, nil, optionError("no node of the model can compute in int8 (%s): %s", FlagPrecision, why(p.float))
	}
	found, err := watch.ranges(ctx, p.ranged(), o.Method, o.Percentile)
	if err != nil {
		return nil, nil, err
	}
	layers, err := layerErrors(ctx, p, found, watch)
	if err != nil {
		return nil, nil, err
	}
	over := make(map[*onnx.Node]string)
	for i := range layers {
		if l := &layers[i]; o.Threshold > 0 && l.Error > o.Threshold && l.node.OpType == "Conv" {
			l.Float = true
			over[l.node] = l.reason(o.Threshold)
		}
	}
	if len(over) > 0 {
		p = newPlan(g, &o, over)
		var missing []string
		for _, v := range p.ranged() {
			if _, ok := found[v]; !ok {
				missing = append(missing, v)
			}
		}
		more, err := watch.ranges(ctx, missing, o.Method, o.Percentile)
		if err != nil {
			return nil, nil, err
		}
		for v, r := range more {
			found[v] = r
		}
	}
	r := &Report{Record: Record{Pictures: o.Pictures.Len(), Float: p.float}, Nodes: len(p.int8), All: len(g.Node), Layers: layers}
	w := newWriter(p, found)
	if err := w.write(); err != nil {
		return nil, nil, err
	}
	return m, r, cleared(m)
}

func why(float []Kept) string {
	if len(float) == 0 {
		return "it has no convolution"
	}
	return onnx.Printable(float[0].Node) + ": " + float[0].Reason
}

// writer writes nodes with what quantises their inputs and outputs.
type writer struct {
	*plan
	ranges map[string]Range
	done   []*onnx.Node
	params map[string]*pair     // by root
	read   map[string]string    // the dequantised value of a quantised one
	kernel map[string]*weight   // by initializer
	least  map[string][]float64 // the least scales of its channels
	zeros  map[string]string    // constants of zero points
	roots  map[string]string    // of the quantised values; nodes' inputs change while they are written
}

// pair is the params of a value, and the constants that hold them.
type pair struct {
	params
	scaleName, zeroName string
}

// weight is a quantised kernel: its scales and the value that its convolutions read.
type weight struct {
	scales []float32
	value  string
}

func newWriter(p *plan, ranges map[string]Range) *writer {
	w := &writer{
		plan: p, ranges: ranges, params: make(map[string]*pair), read: make(map[string]string), kernel: make(map[string]*weight),
		least: make(map[string][]float64), zeros: make(map[string]string), roots: make(map[string]string),
	}
	for _, v := range p.quantized {
		w.roots[v] = p.root(v)
	}
	return w
}

// write replaces the graph's nodes.
func (w *writer) write() error {
	if err := w.findLeast(); err != nil {
		return err
	}
	for _, v := range w.quantized {
		if w.maker[v] == nil {
			w.quantize(v, v)
		}
	}
	for _, n := range w.Node {
		if err := w.one(n); err != nil {
			return err
		}
	}
	w.Graph.Node = w.done
	return nil
}

// one writes a node that reads quantised values, and quantises what it makes.
func (w *writer) one(n *onnx.Node) error {
	x := w.roots[n.Input[0]]
	for i, v := range n.Input {
		// A float node that reads what another float node makes reads it as it is.
		if d := w.read[v]; d != "" && (w.made[v] || w.int8[n]) {
			n.Input[i] = d
		}
	}
	if w.int8[n] && n.OpType == "Conv" {
		if err := w.convolution(n, x); err != nil {
			return err
		}
	}
	w.done = append(w.done, n)
	for i, v := range n.Output {
		if !w.is[v] {
			continue
		}
		if w.output[v] { // the graph's output is the dequantised value
			n.Output[i] = fresh(w.values, v+"/unquantized")
		}
		w.quantize(v, n.Output[i])
	}
	return nil
}

// quantize writes the two nodes for the value v, which the graph now holds under the name raw.
func (w *writer) quantize(v, raw string) {
	p := w.pair(w.roots[v])
	stored := fresh(w.values, v+"/quantized")
	real := v
	if raw == v {
		real = fresh(w.values, v+"/dequantized")
	}
	w.done = append(w.done,
		w.node("QuantizeLinear", []string{raw, p.scaleName, p.zeroName}, stored),
		w.node("DequantizeLinear", []string{stored, p.scaleName, p.zeroName}, real))
	w.read[v] = real
}

// pair gives the params of a root, made once.
func (w *writer) pair(root string) *pair {
	p := w.params[root]
	if p == nil {
		p = &pair{params: activation(w.ranges[root])}
		zero := scalar(p.zero)
		if w.symmetric {
			p.params, zero = symmetric(w.ranges[root]), scalar(int8(0))
		}
		p.scaleName = w.constant(root+"/scale", scalar(p.scale))
		p.zeroName = w.constant(root+"/zero_point", zero)
		w.params[root] = p
	}
	return p
}

// findLeast finds the least scales of each kernel over all convolutions that share it.
func (w *writer) findLeast() error {
	if w.symmetric {
		return nil // biases stay float
	}
	for _, n := range w.Node {
		if !w.int8[n] || n.OpType != "Conv" || at(n.Input, 2) == "" {
			continue
		}
		bias, err := onnx.Decode(w.consts[n.Input[2]])
		if err != nil {
			return err
		}
		least := leastScales(tensor.Data[float32](bias), w.pair(w.roots[n.Input[0]]).scale)
		for c, s := range w.least[n.Input[1]] {
			if c < len(least) {
				least[c] = max(least[c], s)
			}
		}
		w.least[n.Input[1]] = least
	}
	return nil
}

// convolution makes n, which reads a value of the root x, read its quantised weights and bias.
func (w *writer) convolution(n *onnx.Node, x string) error {
	k, err := w.weight(n.Input[1])
	if err != nil {
		return err
	}
	n.Input[1] = k.value
	if at(n.Input, 2) == "" || w.symmetric {
		return nil
	}
	bias, err := onnx.Decode(w.consts[n.Input[2]])
	if err != nil {
		return err
	}
	stored, scales := biases(tensor.Data[float32](bias), w.pair(x).scale, k.scales)
	n.Input[2] = w.dequantized(n.Input[2], vector(stored), scales, vector(make([]int32, len(stored))))
	return nil
}

// weight quantises a kernel, once.
func (w *writer) weight(name string) (*weight, error) {
	if k := w.kernel[name]; k != nil {
		return k, nil
	}
	t, err := onnx.Decode(w.consts[name])
	if err != nil {
		return nil, err
	}
	least := w.least[name]
	if len(least) != t.Shape[0] {
		least = nil
	}
	stored, scales := weights(tensor.Data[float32](t), t.Shape[0], least)
	k := &weight{scales: scales, value: w.dequantized(name, tensor.Of(stored, t.Shape...), scales, vector(make([]int8, len(scales))))}
	w.kernel[name] = k
	return k, nil
}

// dequantized writes the node that gives a constant's real values, by channel. The zero points, all 0, could be left
// away, but engines that look for the pattern expect them.
func (w *writer) dequantized(name string, stored *tensor.Tensor, scales []float32, zeros *tensor.Tensor) string {
	out := fresh(w.values, name+"/dequantized")
	key := fmt.Sprint(zeros.DType, zeros.Shape)
	if w.zeros[key] == "" {
		w.zeros[key] = w.constant(fmt.Sprintf("zeros/%s/%d", zeros.DType, zeros.Len()), zeros)
	}
	inputs := []string{w.constant(name+"/quantized", stored), w.constant(name+"/scale", vector(scales)), w.zeros[key]}
	w.done = append(w.done, w.node("DequantizeLinear", inputs, out, onnx.AttrInt("axis", 0)))
	return out
}
