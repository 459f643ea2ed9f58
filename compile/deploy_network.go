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

// changed gives the sizes that o asks for.
func (s axes) changed(o *DeployOptions) axes {
	pick := func(want Axis, have int) int {
		switch want {
		case KeptAxis:
			return have
		case DynamicAxis:
			return 0
		}
		return int(want)
	}
	return axes{pick(o.Batch, s.batch), pick(o.Height, s.height), pick(o.Width, s.width)}
}

// network is what Deploy works on: a model, which can be had at other sizes.
type network struct {
	source *onnx.Model // what Deploy was given
	model  *onnx.Model // a copy, or its inference form; of the opset asked for, unless it can be lowered anew
	folded bool        // model is no training form
	image  string      // the one input
	output string      // the one output
	bytes  bool        // the input is uint8 [N,H,W,3] already
	have   axes        // the sizes of model
	axes   axes        // those asked for
	opset  int         // the one asked for

	// architecture, lowered and deployed are how the network can be lowered anew, deployed being nil for one that was not
	// deployed before; architecture is nil, and why says the reason, where it cannot.
	architecture *decode.Architecture
	lowered      Options
	deployed     *DeployOptions
	why          string
}

func newNetwork(m *onnx.Model, o *DeployOptions) (*network, error) {
	if m.GetGraph() == nil {
		return nil, fmt.Errorf("%w: the model has no graph", errGraph)
	}
	n := &network{source: m, model: pass.Copy(m)}
	n.folded = onnx.Metadata(m)[KeyForm] != TrainingForm.String()
	if !n.folded && o.averages() { // the views share the weights, which fold-batchnorm leaves alone then
		var err error
		if n.model, err = Inference(m); err != nil {
			return nil, err
		}
		n.folded = true
	}
	if err := n.readInterface(); err != nil {
		return nil, err
	}
	n.findArchitecture()
	n.axes = n.have.changed(o)
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
// architecture in its metadata is lowered to, and for a deployed model then deployed to.
func (n *network) findArchitecture() {
	meta := onnx.Metadata(n.source)
	if _, ours := meta[KeyArchitecture]; !ours {
		n.why = "it was not made by autodeeplab"
		return
	}
	a, o, err := ReadOptions(&onnx.Model{OpsetImport: n.model.OpsetImport, Graph: n.model.Graph, MetadataProps: n.source.MetadataProps})
	if err == nil {
		n.deployed, err = readDeployment(meta, n.model)
	}
	if err != nil {
		n.why = "its metadata cannot be read: " + err.Error()
		return
	}
	if n.deployed != nil && n.deployed.averages() {
		n.why = "it averages over several views; compile it from the network that it was made of"
		return
	}
	n.lowered = o
	g, err := n.lower(a, n.have)
	if err != nil {
		n.why = "its metadata do not fit: " + err.Error()
		return
	}
	if len(g.Node) != len(n.model.Graph.Node) || !slices.EqualFunc(g.Node, n.model.Graph.Node, func(a, b *onnx.Node) bool { return proto.Equal(a, b) }) {
		n.why = "its graph is not what this version makes of its architecture; compile it from its training form"
		return
	}
	n.architecture = a
}

// readDeployment gives the options under which Deploy makes a graph like that of the deployed model m; nil if the
// metadata do not say that m was deployed.
func readDeployment(meta map[string]string, m *onnx.Model) (*DeployOptions, error) {
	if _, ok := meta[KeyOutput]; !ok {
		return nil, nil
	}
	d, err := ReadDeployed(meta)
	if err != nil {
		return nil, err
	}
	o := &DeployOptions{Input: d.Input, Output: d.Output, OutputStride: d.OutputStride, Flip: d.Views != nil}
	if d.Output == OutputLabels {
		o.LabelType = tensor.DType(m.Graph.Output[0].GetType().GetTensorType().GetElemType())
	}
	for _, p := range pass.All {
		switch ran := slices.Contains(d.Passes, p.Name); {
		case ran && p.OptIn != "":
			o.Passes.With = append(o.Passes.With, p.Name)
		case !ran && p.OptIn == "" && !p.Required:
			o.Passes.Skip = append(o.Passes.Skip, p.Name)
		}
	}
	return o, nil
}

// lower makes the graph at other sizes, with the model's weights.
func (n *network) lower(a *decode.Architecture, s axes) (*onnx.Graph, error) {
	o := n.lowered
	o.Batch, o.Height, o.Width = s.batch, s.height, s.width
	if err := o.check(a); err != nil {
		return nil, err
	}
	w := &weights{blank: true}
	m := &onnx.Model{OpsetImport: []*onnx.OpsetID{{Version: int64(o.Opset)}}, Graph: lower(a, o, w, n.folded && n.deployed == nil)}
	switch {
	case n.deployed != nil:
		if err := setMetadata(m, a, &o); err != nil {
			return nil, err
		}
		// It is a network of a by the lines above, so that nothing is left to find out.
		core := &network{source: m, model: m, opset: o.Opset, architecture: a, lowered: o}
		if err := core.readInterface(); err != nil {
			return nil, err
		}
		core.axes = core.have
		var err error
		if m, err = deploy(core, *n.deployed); err != nil {
			return nil, err
		}
	case n.folded:
		if err := pass.Run(m, pass.Inference, nil); err != nil {
			return nil, err
		}
	}
	have := onnx.Initializers(n.model.Graph)
	for i, t := range m.Graph.Initializer {
		if !isWeight(t.GetName()) {
			continue
		}
		own := have[t.GetName()]
		if own == nil || own.GetDataType() != t.GetDataType() || !slices.Equal(own.GetDims(), t.GetDims()) {
			return nil, fmt.Errorf("%w: the model has no tensor %q of %s%v", ErrWeights, t.GetName(), tensor.DType(t.GetDataType()), t.GetDims())
		}
		m.Graph.Initializer[i] = own
	}
	return m.Graph, nil
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
