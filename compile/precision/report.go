package precision

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Layer is the error of one int8 node alone: of what it makes of the float network's values, quantised on the way in and
// out, on the pictures that errors are measured on.
type Layer struct {
	Node, Op string
	// Error is ‖y − ŷ‖ / ‖y‖; 0 for a layer that makes nothing but 0.
	Error float64
	// Float says that it stays float for it.
	Float bool

	node *onnx.Node
}

// SQNR is the ratio of the signal to the error in decibels, +Inf where there is no error.
func (l *Layer) SQNR() float64 { return -20 * math.Log10(l.Error) }

func (l *Layer) reason(threshold float64) string {
	return fmt.Sprintf("its error alone is %.3g, over %.3g (%s)", l.Error, threshold, FlagThreshold)
}

// WriteLayers writes layers as CSV with a head line: node, operator, relative error, SQNR in dB, precision.
func WriteLayers(w io.Writer, layers []Layer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"node", "operator", "relative_error", "sqnr_db", "precision"}}
	for i := range layers {
		l := &layers[i]
		precision := "int8"
		if l.Float {
			precision = "float"
		}
		rows = append(rows, []string{l.Node, l.Op, strconv.FormatFloat(l.Error, 'g', 6, 64), strconv.FormatFloat(l.SQNR(), 'f', 2, 64), precision})
	}
	return c.WriteAll(rows)
}

// layerErrors measures each int8 node of a plan alone. The graph that it runs is the float one, and beside each int8 node
// a second one that reads quantised values and weights:
//
//	x ─┬────────────────────▶ Conv ─────────────────▶ y ─┬─▶ Mul(y, y) ─▶ ReduceSum
//	   └▶ Quantize, Dequantize ─▶ Conv' ─▶ Q, D ─▶ ŷ ─▶ Sub ─▶ Mul ─▶ ReduceSum
func layerErrors(ctx context.Context, p *plan, ranges map[string]Range, watch *observer) ([]Layer, error) {
	m := pass.Copy(p.model)
	g, err := newGraph(m)
	if err != nil {
		return nil, err
	}
	// The same nodes, in the same order, are other objects in the copy.
	shadow := &plan{graph: g, int8: make(map[*onnx.Node]bool), clamped: make(map[*onnx.Node]bool), is: p.is, made: p.made, quantized: p.quantized, symmetric: p.symmetric}
	for i, n := range p.Node {
		shadow.int8[g.Node[i]], shadow.clamped[g.Node[i]] = p.int8[n], p.clamped[n]
	}
	w := newWriter(shadow, ranges)
	if err := w.findLeast(); err != nil {
		return nil, err
	}
	var layers []Layer
	var outputs []*onnx.ValueInfo
	sum := func(v string) {
		squares, total := fresh(w.values, v+"/squares"), fresh(w.values, v+"/sum")
		w.done = append(w.done, w.node("Mul", []string{v, v}, squares), w.node("ReduceSum", []string{squares}, total, onnx.AttrInt("keepdims", 0)))
		outputs = append(outputs, onnx.NewValueInfo(total, tensor.Float32, []*onnx.Dim{}))
	}
	for _, v := range w.quantized {
		if w.maker[v] == nil {
			w.quantize(v, v)
		}
	}
	for i, n := range g.Node {
		w.done = append(w.done, n)
		for _, v := range n.Output {
			if w.is[v] {
				w.quantize(v, v)
			}
		}
		if !shadow.int8[n] || !w.is[n.Output[0]] || g.kind(n) == move {
			continue
		}
		base, name := n, p.Node[i]
		if shadow.clamped[n] {
			base, name = g.maker[n.Input[0]], p.maker[n.Input[0]]
		}
		again, err := w.shadow(base, n)
		if err != nil {
			return nil, err
		}
		less := fresh(w.values, n.Output[0]+"/error")
		w.done = append(w.done, w.node("Sub", []string{n.Output[0], again}, less))
		sum(less)
		sum(n.Output[0])
		layers = append(layers, Layer{Node: name.GetName(), Op: name.GetOpType(), node: name})
	}
	g.Graph.Node, g.Output = w.done, outputs
	if err := cleared(m); err != nil {
		return nil, err
	}
	totals := make([]float64, len(outputs))
	err = watch.run(ctx, m, min(watch.pictures.Len(), comparePictures), func(_ int, out map[string]*tensor.Tensor) error {
		for i, v := range outputs {
			totals[i] += float64(tensor.Data[float32](out[v.GetName()])[0])
		}
		return nil
	})
	for i := range layers {
		if totals[2*i+1] > 0 {
			layers[i].Error = math.Sqrt(totals[2*i] / totals[2*i+1])
		}
	}
	return layers, err
}

// shadow writes the node base again, which reads quantised values, with its clamp, which may be base itself, and gives
// what they make, quantised.
func (w *writer) shadow(base, clamp *onnx.Node) (string, error) {
	again := func(n *onnx.Node) *onnx.Node {
		c := proto.Clone(n).(*onnx.Node)
		c.Name = fresh(w.nodes, n.GetName()+"/int8")
		c.Output[0] = fresh(w.values, n.Output[0]+"/int8")
		return c
	}
	n := again(base)
	for i, v := range n.Input {
		if d := w.read[v]; d != "" {
			n.Input[i] = d
		}
	}
	if n.OpType == "Conv" {
		if err := w.convolution(n, w.roots[base.Input[0]]); err != nil {
			return "", err
		}
	}
	w.done = append(w.done, n)
	out := n.Output[0]
	if clamp != base {
		c := again(clamp)
		c.Input[0] = out
		w.done = append(w.done, c)
		out = c.Output[0]
	}
	p := w.pair(w.roots[clamp.Output[0]])
	stored, real := fresh(w.values, out+"/quantized"), fresh(w.values, out+"/dequantized")
	w.done = append(w.done,
		w.node("QuantizeLinear", []string{out, p.scaleName, p.zeroName}, stored),
		w.node("DequantizeLinear", []string{stored, p.scaleName, p.zeroName}, real))
	return real, nil
}

// Worst gives the n layers with the largest errors, the largest first.
func Worst(layers []Layer, n int) []Layer {
	sorted := slices.Clone(layers)
	slices.SortStableFunc(sorted, func(a, b Layer) int { return cmp.Compare(b.Error, a.Error) })
	return sorted[:min(n, len(sorted))]
}
