// Package segmenter sees a session of any engine as a segmentation network: one picture in, scores or labels out.
package segmenter

import (
	"context"
	"fmt"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// Model is a session whose picture input and whose output have been found. Its methods may be called from several
// goroutines at once.
type Model struct {
	Session runtime.Session
	// Input is the picture: float32 or uint8, [N,3,H,W] or [N,H,W,3].
	Input runtime.Value
	// Output is the first output that can be scores (floats [N,C,h,w]) or labels (integers).
	Output runtime.Value
	// Height and Width of the input in pixels, 0 where they are dynamic.
	Height, Width int
	// Classes is how many classes the scores have, 0 where that is not known before a run.
	Classes int

	// Aligned says that the corner pixels of a smaller output lie on those of the input, whatever the sizes, as those of
	// the compiler's --output-stride 4 do.
	Aligned bool

	channelsLast bool
}

// Open finds the picture input and the output. The error says what the model has, and what is wanted.
func Open(s runtime.Session) (*Model, error) {
	m := &Model{Session: s}
	if err := m.findInput(); err != nil {
		return nil, err
	}
	return m, m.findOutput()
}

// Labels says whether the output is labels, which cannot be averaged, rather than scores.
func (m *Model) Labels() bool { return m.Output.DType.IsInt() }

const wantInput = "want one picture float[N,3,H,W], or uint8[N,H,W,3]"

func (m *Model) findInput() error {
	inputs := m.Session.Inputs()
	if len(inputs) != 1 {
		return fmt.Errorf("the model has %d inputs (%s), %s", len(inputs), list(inputs), wantInput)
	}
	v := inputs[0]
	if v.DType != tensor.Float32 && v.DType != tensor.Uint8 || len(v.Dims) != 4 {
		return fmt.Errorf("the model's input is %s, %s", v, wantInput)
	}
	meta := m.Session.Metadata()
	d, err := compile.ReadDeployed(meta)
	if err != nil {
		return err
	}
	// The axis of 3 is that of the channels; where both or none can be it, the metadata say.
	three := func(k int) bool { return v.Dims[k].Size == 3 }
	channels, height := 1, 2
	if three(3) && !three(1) || three(3) == three(1) && d.Input == compile.InputUint8 {
		channels, height, m.channelsLast = 3, 1, true
	}
	if v.Dims[channels].IsKnown() && !three(channels) {
		return fmt.Errorf("the model's input is %s, %s", v, wantInput)
	}
	_, ours := meta[compile.KeyArchitecture]
	m.Aligned = ours && d.OutputStride == 4
	if b := v.Dims[0]; b.IsKnown() && b.Size != 1 {
		return fmt.Errorf("the model takes %d pictures at a time, want 1 (compile --batch 1 or dynamic)", b.Size)
	}
	m.Input = v
	m.Height, m.Width = fixed(v.Dims[height]), fixed(v.Dims[height+1])
	return nil
}

// fixed is a dimension's size, 0 where it is dynamic.
func fixed(d op.Dim) int { return max(d.Size, 0) }

func (m *Model) findOutput() error {
	outputs := m.Session.Outputs()
	for _, v := range outputs {
		switch rank := len(v.Dims); {
		case v.DType.IsInt() && (v.Dims == nil || rank >= 2 && rank <= 4):
			m.Output = v
			return nil
		case v.DType.IsFloat() && v.Dims == nil:
			m.Output = v
			return nil
		case v.DType.IsFloat() && rank == 4 && (!v.Dims[1].IsKnown() || v.Dims[1].Size >= 2):
			m.Output, m.Classes = v, fixed(v.Dims[1])
			return nil
		}
	}
	return fmt.Errorf("the model's outputs are %s, want logits float[N,C,H,W] or integer labels [N,H,W]", list(outputs))
}

func list(values []runtime.Value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}

// Run gives the output for a picture float32 [1,3,h,w] of RGB 0…255, which it brings to the input's type and layout. h
// and w must be the input's where that is fixed.
func (m *Model) Run(ctx context.Context, picture *tensor.Tensor) (*tensor.Tensor, error) {
	outputs, err := m.Session.Run(ctx, m.Feed(picture))
	if err != nil {
		return nil, err
	}
	return outputs[m.Output.Name], nil
}

// Feed gives the session's inputs for a picture, as Run does.
func (m *Model) Feed(picture *tensor.Tensor) map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{m.Input.Name: m.convert(picture)}
}

func (m *Model) convert(t *tensor.Tensor) *tensor.Tensor {
	if m.channelsLast {
		t = channelsLast(t)
	}
	if m.Input.DType != tensor.Uint8 {
		return t
	}
	values := tensor.Data[float32](t)
	out := make([]uint8, len(values))
	for i, v := range values {
		out[i] = uint8(v + 0.5)
	}
	return tensor.Of(out, t.Shape...)
}

func channelsLast(t *tensor.Tensor) *tensor.Tensor {
	from, channels, h, w := tensor.Data[float32](t), t.Shape[1], t.Shape[2], t.Shape[3]
	to := make([]float32, len(from))
	for c := range channels {
		for i, v := range from[c*h*w:][:h*w] {
			to[i*channels+c] = v
		}
	}
	return tensor.Of(to, t.Shape[0], h, w, channels)
}
