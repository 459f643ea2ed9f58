package compile

import (
	"slices"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// scores is what a network gives.
type scores struct {
	kind    Output
	classes int // 0 where not known
	// stride relative to the input: 1, 4, or 0 where it is something else or not known.
	stride int
	info   op.Info
}

// resolveScores finds out what the network gives.
func (d *deployment) resolveScores(r *check.Result) error {
	info := r.Values[d.network.output]
	s := scores{info: *info, kind: OutputLogits}
	if info.DType.IsInt() {
		s.kind = OutputLabels
	} else if p := producer(d.model.Graph, d.network.output); p.GetOpType() == "Softmax" {
		s.kind = OutputProbabilities
	}
	meta := onnx.Metadata(d.source)
	if kind, err := ParseOutput(meta[KeyOutput]); err == nil && kind != OutputKept {
		s.kind = kind
	}
	if s.kind != OutputLabels && info.Rank() == 4 {
		s.classes = max(info.Dims[1].Size, 0)
	}
	_, ours := meta[KeyArchitecture]
	switch _, deployed := meta[KeyOutput]; {
	case ours && !deployed || meta[KeyOutputStride] == "1":
		s.stride = 1
	case meta[KeyOutputStride] == "4":
		s.stride = 4
	case info.Rank() >= 3:
		height, width := info.Dims[info.Rank()-2].Size, info.Dims[info.Rank()-1].Size
		if height > 0 && width > 0 && d.have.height > 0 && d.have.width > 0 {
			if height == d.have.height && width == d.have.width {
				s.stride = 1
			} else if height == (d.have.height+3)/4 && width == (d.have.width+3)/4 {
				s.stride = 4
			}
		}
	}
	d.scores = s
	return nil
}

// resolveOutput completes the options of the output, and refuses what the network's cannot become.
func (d *deployment) resolveOutput() error {
	have, want := d.scores.kind, d.Output
	if want == OutputKept {
		want = have
	}
	switch {
	case d.averages() && have != OutputLogits:
		return optionError("the model gives %s: averaging over views needs logits (%s, %s)", have, flagScales, flagFlip)
	case d.averages() && want == OutputLogits:
		return optionError("several views are averaged after the softmax: %s and %s need %s probabilities or labels", flagScales, flagFlip, flagOutput)
	case want < have:
		return optionError("the model gives %s, of which no %s can be made (%s %s)", have, want, flagOutput, have)
	case d.LabelType != 0 && want != OutputLabels:
		return optionError("%s are float: %s needs %s labels", want, flagLabelType, flagOutput)
	case want != have && d.scores.info.Rank() != 4:
		return optionError("the model's output is %s, want [N,classes,H,W] for %s %s", &d.scores.info, flagOutput, want)
	case d.OutputStride == 4 && d.scores.stride != 4 && have != OutputLogits:
		return optionError("the model's %s are made at the input's size: %s 4 needs a model that gives logits", have, flagOutputStride)
	case d.OutputStride == 1 && d.scores.stride != 1 && !d.averages():
		return optionError("the model's output is not known to be of the input's size; compile it from the form that is, or leave %s away", flagOutputStride)
	}
	if len(d.ClassNames) > 0 && d.scores.classes > 0 && len(d.ClassNames) != d.scores.classes {
		return optionError("%d class names for %d classes (%s)", len(d.ClassNames), d.scores.classes, flagDataset)
	}
	if len(d.Palette) > 0 && d.scores.classes > 0 && len(d.Palette) != d.scores.classes {
		return optionError("a palette of %d colours for %d classes (%s)", len(d.Palette), d.scores.classes, flagDataset)
	}
	if want == OutputLabels {
		fits := d.scores.classes > 0 && d.scores.classes <= 256
		switch {
		case d.LabelType == tensor.Uint8 && !fits && have != OutputLabels:
			return optionError("%d classes do not fit labels of type uint8, which holds 256; want int32 or int64 (%s)", d.scores.classes, flagLabelType)
		case d.LabelType == 0 && have == OutputLabels:
			d.LabelType = d.scores.info.DType
		case d.LabelType == 0 && fits:
			d.LabelType = tensor.Uint8
		case d.LabelType == 0:
			d.LabelType = tensor.Int32
		}
	}
	return nil
}

// wanted is the kind of output that the result has.
func (d *deployment) wanted() Output {
	if d.Output == OutputKept {
		return d.scores.kind
	}
	return d.Output
}

// output adds what turns the scores into the output, and names it.
func (d *deployment) output(b *assembly, result string) (name string) {
	have := d.scores.kind
	if d.averages() {
		have = OutputProbabilities
	}
	want := d.wanted()
	switch {
	case want == OutputProbabilities && have == OutputLogits:
		result = b.softmax("output/Softmax", result)
	case want == OutputLabels && have != OutputLabels:
		result = b.node("ArgMax", "output/ArgMax", []string{result}, onnx.AttrInt("axis", 1), onnx.AttrInt("keepdims", 0))
		if d.LabelType != tensor.Int64 {
			result = b.node("Cast", "output/Cast", []string{result}, onnx.AttrInt("to", int(d.LabelType)))
		}
	case want == OutputLabels && d.LabelType != d.scores.info.DType:
		result = b.node("Cast", "output/Cast", []string{result}, onnx.AttrInt("to", int(d.LabelType)))
	}
	name = d.network.output
	if d.Output != OutputKept {
		name = want.String()
	}
	b.rename(result, name)
	return name
}

// softmax is over axis 1. Before opset 13 Softmax takes the axes from the given one on together, so that only the last
// axis means what it says.
func (b *assembly) softmax(name, x string) string {
	if b.opset >= 13 {
		return b.node("Softmax", name, []string{x}, onnx.AttrInt("axis", 1))
	}
	x = b.node("Transpose", name+"/channels_last", []string{x}, onnx.AttrInts("perm", 0, 2, 3, 1))
	x = b.node("Softmax", name, []string{x}, onnx.AttrInt("axis", 3))
	return b.node("Transpose", name+"/channels_first", []string{x}, onnx.AttrInts("perm", 0, 3, 1, 2))
}

// stripResize takes the last node of g, a resize to the input's size by 4, away and gives the value before it.
func (d *deployment) stripResize(g *onnx.Graph) (string, error) {
	last := d.lastResize(g)
	if last == nil {
		return "", optionError("the model's output is not made by a bilinear Resize, which %s 4 would leave away", flagOutputStride)
	}
	before, by4, err := d.strip(g, last)
	if err != nil {
		return "", err
	}
	if !by4 {
		return "", optionError("the model's last Resize does not enlarge by 4, so that the output before it is not of stride 4 (%s)", flagOutputStride)
	}
	return before, nil
}

// lastResize gives the bilinear Resize that makes the output, nil if something else makes it or reads what it makes.
func (d *deployment) lastResize(g *onnx.Graph) *onnx.Node {
	last := producer(g, d.network.output)
	if last.GetOpType() != "Resize" || len(last.GetInput()) < 3 || stringAttr(last, "mode") != "linear" {
		return nil
	}
	for _, n := range g.GetNode() {
		if slices.Contains(n.GetInput(), d.network.output) {
			return nil
		}
	}
	return last
}

// strip removes a node and gives its first input; by4 says whether it is known to enlarge height and width by 4.
func (d *deployment) strip(g *onnx.Graph, last *onnx.Node) (before string, by4 bool, err error) {
	by4 = d.architecture != nil
	if !by4 {
		r, err := pass.Infer(bare(g, d.imports()))
		if err != nil {
			return "", false, err
		}
		from, to := r.Values[last.Input[0]], r.Values[last.Output[0]]
		by4 = from.Rank() == 4 && to.Rank() == 4
		for k := 2; k < 4 && by4; k++ {
			by4 = from.Dims[k].IsKnown() && to.Dims[k].IsKnown() && from.Dims[k].Size == (to.Dims[k].Size+3)/4
		}
		if scales := r.Values[last.Input[2]]; !by4 && scales != nil && scales.Value != nil {
			by4 = slices.Equal(tensor.Data[float32](scales.Value), []float32{1, 1, 4, 4})
		}
	}
	g.Node = slices.DeleteFunc(g.Node, func(n *onnx.Node) bool { return n == last })
	return last.Input[0], by4, nil
}

// producer finds the node that makes a value, nil if none does.
func producer(g *onnx.Graph, value string) *onnx.Node {
	for _, n := range g.GetNode() {
		if slices.Contains(n.GetOutput(), value) {
			return n
		}
	}
	return nil
}

func stringAttr(n *onnx.Node, name string) string {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return string(a.GetS())
		}
	}
	return ""
}

// declareOutput describes the graph's output by what inference finds of it, and names the axes that stay dynamic.
func (d *deployment) declareOutput(b *assembly, name string, m *onnx.Model) error {
	r, err := pass.Infer(m)
	if err != nil {
		return err
	}
	info := r.Values[name]
	if info == nil || !info.HasRank() {
		b.graph.Output = []*onnx.ValueInfo{onnx.NewValueInfo(name, info.DType, nil)}
		return nil
	}
	suffix := ""
	if d.OutputStride == 4 {
		suffix = "_stride4"
	}
	names := []string{"batch", "classes", "height" + suffix, "width" + suffix}
	if d.wanted() == OutputLabels && info.Rank() == 3 {
		names = slices.Delete(names, 1, 2)
	}
	dims := []*onnx.Dim{}
	for k, dim := range info.Dims {
		switch {
		case dim.IsKnown():
			dims = append(dims, onnx.FixedDim(dim.Size))
		case dim.Name == "" && k < len(names):
			dims = append(dims, onnx.NamedDim(names[k]))
		default:
			dims = append(dims, onnx.NamedDim(dim.Name))
		}
	}
	b.graph.Output = []*onnx.ValueInfo{onnx.NewValueInfo(name, info.DType, dims)}
	return nil
}
