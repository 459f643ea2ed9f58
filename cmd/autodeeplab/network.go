package main

import (
	"context"
	"fmt"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// network is a loaded model that makes masks of pictures.
type network struct {
	path    string
	engine  string
	session runtime.Session
	threads int
	input   runtime.Value
	output  string
	layout  imageio.Layout
	// height and width of the input; 0 where dynamic.
	height, width int
	// aligned says that the corners of a smaller output lie on the input's.
	aligned bool
	classes *dataset.Classes
}

// openNetwork loads the model at path and finds its picture input and its logits or labels. classes overrides what the
// model's metadata say, if not nil.
func openNetwork(path string, e runtime.Engine, threads int, classes *dataset.Classes) (*network, error) {
	s, err := e.Load(path, runtime.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	n, err := newNetwork(path, e, s, threads, classes)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

func newNetwork(path string, e runtime.Engine, s runtime.Session, threads int, classes *dataset.Classes) (*network, error) {
	n := &network{path: path, engine: e.Name(), session: s, threads: threads, classes: classes}
	if err := n.findInput(); err != nil {
		return nil, err
	}
	count, err := n.findOutput()
	if err != nil {
		return nil, err
	}
	return n, n.findClasses(count)
}

func (n *network) findInput() error {
	inputs := n.session.Inputs()
	if len(inputs) != 1 {
		return fmt.Errorf("the model has %d inputs (%s), want one picture float[N,3,H,W] or uint8[N,H,W,3]", len(inputs), list(inputs))
	}
	meta := n.session.Metadata()
	d, err := compile.ReadDeployed(meta)
	if err != nil {
		return err
	}
	v := inputs[0]
	// The axis of 3 is that of the channels; where both or none can be it, the metadata say.
	three := func(k int) bool { return len(v.Dims) == 4 && v.Dims[k].Size == 3 }
	last := three(3) && !three(1) || three(3) == three(1) && d.Input == compile.InputUint8
	channels, height := 1, 2
	if last {
		channels, height = 3, 1
	}
	if v.DType != tensor.Float32 && v.DType != tensor.Uint8 || len(v.Dims) != 4 || v.Dims[channels].IsKnown() && !three(channels) {
		return fmt.Errorf("the model's input is %s, want a picture float[N,3,H,W] or uint8[N,H,W,3]", v)
	}
	if b := v.Dims[0]; b.IsKnown() && b.Size != 1 {
		return fmt.Errorf("the model takes %d pictures at a time, want 1 (compile --batch 1 or dynamic)", b.Size)
	}
	n.input, n.layout = v, imageio.Layout{Bytes: v.DType == tensor.Uint8, ChannelsLast: last}
	n.height, n.width = fixed(v.Dims[height]), fixed(v.Dims[height+1])
	_, ours := meta[compile.KeyArchitecture]
	n.aligned = ours && d.OutputStride == 4
	return nil
}

// fixed is a dimension's size, 0 where it is dynamic.
func fixed(d op.Dim) int { return max(d.Size, 0) }

// findOutput picks the first output that can be logits or labels. It returns how many classes the logits have, 0 where
// that is not known.
func (n *network) findOutput() (int, error) {
	outputs := n.session.Outputs()
	for _, v := range outputs {
		switch rank := len(v.Dims); {
		case v.DType.IsInt() && (v.Dims == nil || rank >= 2 && rank <= 4):
			n.output = v.Name
			return 0, nil
		case v.DType.IsFloat() && v.Dims == nil:
			n.output = v.Name
			return 0, nil
		case v.DType.IsFloat() && rank == 4 && (!v.Dims[1].IsKnown() || v.Dims[1].Size >= 2):
			n.output = v.Name
			return fixed(v.Dims[1]), nil
		}
	}
	return 0, fmt.Errorf("the model's outputs are %s, want logits float[N,C,H,W] or integer labels [N,H,W]", list(outputs))
}

func list(values []runtime.Value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

// segment runs one picture.
func (n *network) segment(ctx context.Context, p *imageio.Picture, maxSide int) (*imageio.Mask, imageio.Fit, error) {
	fit := imageio.NewFit(p.Width(), p.Height(), n.width, n.height, maxSide)
	fit.Aligned = n.aligned
	outputs, err := n.session.Run(ctx, map[string]*tensor.Tensor{n.input.Name: p.TensorAs(fit, n.layout)})
	if err != nil {
		return nil, fit, err
	}
	out := outputs[n.output]
	if out.DType.IsFloat() && len(out.Shape) == 4 && out.Shape[1] != n.classes.Len() {
		if err := n.findClasses(out.Shape[1]); err != nil {
			return nil, fit, err
		}
	}
	m, err := fit.Labels(out, n.threads)
	return m, fit, err
}

func (n *network) close() { n.session.Close() }
