package compile

import (
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"autodeeplab/compile/pass"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

// axes are the sizes of a batch of pictures; 0 where dynamic.
type axes struct{ batch, height, width int }

// network is what Deploy works on: a model in its inference form, which can be had at other sizes.
type network struct {
	source *onnx.Model // what Deploy was given
	model  *onnx.Model // its inference form; of the opset asked for, unless it can be lowered anew
	image  string      // the one input
	output string      // the one output
	bytes  bool        // the input is uint8 [N,H,W,3] already
	have   axes        // the sizes of model
	axes   axes        // those asked for
	opset  int         // the one asked for

	// architecture and lowered are how the network can be lowered anew; nil, and why says the reason, where it cannot.
	architecture *decode.Architecture
	lowered      Options
	why          string
}

func newNetwork(m *onnx.Model, o *DeployOptions) (*network, error) {
	if m.GetGraph() == nil {
		return nil, fmt.Errorf("%w: the model has no graph", errGraph)
	}
	n := &network{source: m, model: pass.Copy(m)}
	if onnx.Metadata(m)[KeyForm] == TrainingForm.String() {
		var err error
		if n.model, err = Inference(m); err != nil {
			return nil, err
		}
	}
	if err := n.readInterface(); err != nil {
		return nil, err
	}
	n.findArchitecture()
	pick := func(want Axis, have int) int {
		switch want {
		case KeptAxis:
			return have
		case DynamicAxis:
			return 0
		}
		return int(want)
	}
	n.axes = axes{pick(o.Batch, n.have.batch), pick(o.Height, n.have.height), pick(o.Width, n.have.width)}
	n.opset = onnx.Opset(n.model)
	if o.Opset == 0 || o.Opset == n.opset {
		return n, nil
	}
	n.opset = o.Opset
	if n.architecture != nil {
		return n, nil
	}
	return n, convertOpset(n.model, o.Opset)
}

// readInterface finds the one input of pictures and the one output.
func (n *network) readInterface() error {
	g := n.model.Graph
	constants := onnx.Initializers(g)
	// Up to IR 3 every initializer was an input, too; to run, it is a constant.
	g.Input = slices.DeleteFunc(slices.Clone(g.Input), func(v *onnx.ValueInfo) bool { return constants[v.GetName()] != nil })
	if len(g.Input) != 1 || len(g.Output) != 1 {
		return fmt.Errorf("%w: the model has %d inputs and %d outputs, want one of each: a picture in, scores or labels out", errGraph, len(g.Input), len(g.Output))
	}
	info, err := check.Declared(g.Input[0])
	if err != nil {
		return fmt.Errorf("graph input %w", err)
	}
	float := info.DType == tensor.Float32
	n.bytes = info.DType == tensor.Uint8
	if !float && !n.bytes || info.Rank() != 4 || n.bytes && info.Dims[3].Size != 3 {
		return fmt.Errorf("%w: its input %q is %s, want float [N,C,H,W] or uint8 [N,H,W,3]", errGraph, g.Input[0].GetName(), &info)
	}
	size := func(k int) int { return max(info.Dims[k].Size, 0) }
	n.image, n.output = g.Input[0].GetName(), g.Output[0].GetName()
	n.have = axes{size(0), size(2), size(3)}
	if n.bytes {
		n.have = axes{size(0), size(1), size(2)}
	}
	return nil
}

// findArchitecture finds out whether the network can be lowered anew: whether its graph is, node by node, what the
// architecture in its metadata is lowered to.
func (n *network) findArchitecture() {
	meta := onnx.Metadata(n.source)
	if _, ours := meta[KeyArchitecture]; !ours {
		n.why = "it was not made by autodeeplab"
		return
	}
	if _, deployed := meta[KeyOutput]; deployed {
		n.why = "it is a deployed model, whose weights are rewritten; compile it from its training or inference form"
		return
	}
	n.why = "its metadata cannot be read"
	a, err := Architecture(n.source)
	if err != nil {
		return
	}
	filters, err1 := strconv.Atoi(meta[KeyFilters])
	classes, err2 := strconv.Atoi(meta[KeyClasses])
	if err1 != nil || err2 != nil {
		return
	}
	n.lowered = Options{Filters: filters, Classes: classes, Opset: onnx.Opset(n.model)}
	g, err := n.lower(a, n.have)
	if err != nil {
		n.why = "its metadata do not fit: " + err.Error()
		return
	}
	n.why = "its graph is not what this version makes of its architecture; compile it from its architecture, with --weights"
	if len(g.Node) != len(n.model.Graph.Node) || !slices.EqualFunc(g.Node, n.model.Graph.Node, func(a, b *onnx.Node) bool { return proto.Equal(a, b) }) {
		return
	}
	n.architecture, n.why = a, ""
}

// lower makes the graph of the inference form at other sizes, with the model's weights.
func (n *network) lower(a *decode.Architecture, s axes) (*onnx.Graph, error) {
	o := n.lowered
	o.Batch, o.Height, o.Width = s.batch, s.height, s.width
	if err := o.check(a); err != nil {
		return nil, err
	}
	w := &weights{measuring: true, shapes: make(map[string][]int)}
	g := lower(a, o, w, true)
	m := &onnx.Model{OpsetImport: []*onnx.OpsetID{{Version: int64(o.Opset)}}, Graph: g}
	if err := pass.Run(m, pass.Inference, nil); err != nil {
		return nil, err
	}
	have := onnx.Initializers(n.model.Graph)
	for i, t := range g.Initializer {
		shape, ok := w.shapes[t.GetName()]
		if !ok {
			continue
		}
		own := have[t.GetName()]
		if own == nil || tensor.DType(own.GetDataType()) != tensor.Float32 || !slices.EqualFunc(own.GetDims(), shape, func(d int64, s int) bool { return d == int64(s) }) {
			return nil, fmt.Errorf("%w: the model has no tensor %q of float%s", ErrWeights, t.GetName(), tensor.FormatShape(shape))
		}
		g.Initializer[i] = own
	}
	return g, nil
}

// at gives the network's graph at the sizes s, to be changed at will.
func (n *network) at(s axes) (*onnx.Graph, error) {
	if n.architecture != nil && (s != n.have || n.opset != onnx.Opset(n.model)) {
		n.lowered.Opset = n.opset
		return n.lower(n.architecture, s)
	}
	for _, axis := range []struct {
		name, flag string
		have, want int
	}{
		{"batch", flagBatch, n.have.batch, s.batch}, {"height", flagSize, n.have.height, s.height}, {"width", flagSize, n.have.width, s.width},
	} {
		if axis.have != 0 && axis.have != axis.want {
			return nil, optionError("the model's %s is fixed at %d and cannot become %s: %s (%s)", axis.name, axis.have, sizeName(axis.want), n.why, axis.flag)
		}
	}
	g := copyGraph(n.model.Graph)
	g.Input = []*onnx.ValueInfo{n.declaredInput(s)}
	return g, nil
}

// declaredInput describes the network's input at the sizes s.
func (n *network) declaredInput(s axes) *onnx.ValueInfo {
	batch, height, width := s.dims()
	old := n.model.Graph.Input[0]
	dims := []*onnx.Dim{batch, old.GetType().GetTensorType().GetShape().GetDim()[1], height, width}
	if n.bytes {
		dims = []*onnx.Dim{batch, height, width, onnx.FixedDim(3)}
	}
	return onnx.NewValueInfo(n.image, tensor.DType(old.GetType().GetTensorType().GetElemType()), dims)
}

// dims are the axes as a graph declares them.
func (s axes) dims() (batch, height, width *onnx.Dim) {
	dim := func(n int, name string) *onnx.Dim {
		if n == 0 {
			return onnx.NamedDim(name)
		}
		return onnx.FixedDim(n)
	}
	return dim(s.batch, "batch"), dim(s.height, "height"), dim(s.width, "width")
}

func sizeName(n int) string {
	if n == 0 {
		return "dynamic"
	}
	return strconv.Itoa(n)
}

// imports are the operator sets of the result.
func (n *network) imports() []*onnx.OpsetID {
	var out []*onnx.OpsetID
	for _, id := range n.source.GetOpsetImport() {
		id = proto.Clone(id).(*onnx.OpsetID)
		if d := id.GetDomain(); d == "" || d == "ai.onnx" {
			id.Version = int64(n.opset)
		}
		out = append(out, id)
	}
	return out
}
