package precision

import (
	"context"
	"fmt"
	"math"

	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// observeBytes bounds the feature maps that are looked at in one run: more are looked at in further runs.
const observeBytes = 1 << 28

// observer runs a network on pictures and shows what its values hold.
type observer struct {
	model    *onnx.Model
	pictures Pictures
	engine   runtime.Engine
	threads  int
}

// each calls visit with the contents of every value on every picture. A value that holds NaN or an infinity is an error.
func (o *observer) each(ctx context.Context, values []string, visit func(value string, data []float32)) error {
	if len(values) == 0 || o.pictures.Len() == 0 {
		return nil
	}
	first, err := o.pictures.At(0)
	if err != nil {
		return err
	}
	chunks, err := o.chunks(values, first)
	if err != nil {
		return err
	}
	for _, chunk := range chunks {
		m := pass.Copy(o.model)
		m.Graph.Output = nil
		for _, v := range chunk {
			m.Graph.Output = append(m.Graph.Output, onnx.NewValueInfo(v, tensor.Float32, nil))
		}
		if err := cleared(m); err != nil {
			return err
		}
		err := o.run(ctx, m, o.pictures.Len(), func(i int, out map[string]*tensor.Tensor) error {
			for _, v := range chunk {
				data := tensor.Data[float32](out[v])
				if at := notFinite(data); at >= 0 {
					return fmt.Errorf("the float network makes %g in %q on calibration picture %d: it cannot be given another precision", data[at], onnx.Printable(v), i+1)
				}
				visit(v, data)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// chunks groups values so that those of one group take observeBytes at most, or are one.
func (o *observer) chunks(values []string, picture *tensor.Tensor) ([][]string, error) {
	image := o.model.Graph.Input[0].GetName()
	r, err := check.Infer(o.model, check.Options{Inputs: map[string]op.Info{image: op.Of(picture.DType, picture.Shape...)}})
	if err != nil {
		return nil, err
	}
	var chunks [][]string
	left := 0
	for _, v := range values {
		bytes := 1 << 20 // of a shape that only a run can tell
		if sizes, ok := r.Values[v].Sizes(); ok {
			n, err := tensor.NumElems(sizes)
			if err != nil {
				return nil, err
			}
			bytes = 4 * n
		}
		if bytes > left || len(chunks) == 0 {
			chunks, left = append(chunks, nil), max(observeBytes, bytes)
		}
		left -= bytes
		chunks[len(chunks)-1] = append(chunks[len(chunks)-1], v)
	}
	return chunks, nil
}

// run calls visit with the outputs of m on the first n pictures.
func (o *observer) run(ctx context.Context, m *onnx.Model, n int, visit func(i int, out map[string]*tensor.Tensor) error) error {
	s, err := o.engine.LoadModel(m, runtime.Options{Threads: o.threads})
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range n {
		picture, err := o.pictures.At(i)
		if err != nil {
			return err
		}
		out, err := s.Run(ctx, map[string]*tensor.Tensor{m.Graph.Input[0].GetName(): picture})
		if err != nil {
			return err
		}
		if err := visit(i, out); err != nil {
			return err
		}
	}
	return nil
}

// notFinite finds the first number that is none, -1 if all are.
func notFinite(data []float32) int {
	for i, v := range data {
		if v-v != 0 { // NaN for NaN and infinities
			return i
		}
	}
	return -1
}

// Agreement says how alike the outputs of two networks are.
type Agreement struct {
	Pictures int
	// Labels is the share of pixels that get the same class; NaN where the output is no scores or labels.
	Labels float64
	// Error is ‖y − ŷ‖ / ‖y‖ of the output's numbers; NaN for labels.
	Error float64
}

// comparePictures is on how many pictures the errors of layers and the output are measured.
const comparePictures = 8

// compare runs two networks on the pictures.
func compare(ctx context.Context, a, b *onnx.Model, o Options) (*Agreement, error) {
	n := min(o.Pictures.Len(), comparePictures)
	result := &Agreement{Pictures: n, Labels: math.NaN(), Error: math.NaN()}
	var same, pixels int
	var num, den float64
	name := a.Graph.Output[0].GetName()
	// One picture after the other in both, so that no more than two outputs are there at a time.
	sessions := make([]runtime.Session, 2)
	for i, m := range []*onnx.Model{a, b} {
		s, err := o.Engine.LoadModel(m, runtime.Options{Threads: o.Threads})
		if err != nil {
			return nil, err
		}
		defer s.Close()
		sessions[i] = s
	}
	for i := range n {
		picture, err := o.Pictures.At(i)
		if err != nil {
			return nil, err
		}
		var y [2]*tensor.Tensor
		for k, s := range sessions {
			out, err := s.Run(ctx, map[string]*tensor.Tensor{a.Graph.Input[0].GetName(): picture})
			if err != nil {
				return nil, err
			}
			y[k] = out[name]
		}
		labels := [2][]int{}
		for k := range y {
			if y[k].DType.IsInt() {
				if labels[k], err = y[k].Ints(); err != nil {
					return nil, err
				}
			} else if len(y[k].Shape) == 4 && y[k].DType == tensor.Float32 {
				labels[k] = argmax(tensor.Data[float32](y[k]), y[k].Shape)
			}
		}
		for p, l := range labels[0] {
			if l == labels[1][p] {
				same++
			}
		}
		pixels += len(labels[0])
		if y[0].DType == tensor.Float32 {
			u, v := tensor.Data[float32](y[0]), tensor.Data[float32](y[1])
			if at := notFinite(v); at >= 0 {
				return nil, fmt.Errorf("the result makes %g on calibration picture %d", v[at], i+1)
			}
			for p := range u {
				d := float64(u[p]) - float64(v[p])
				num, den = num+float64(d*d), den+float64(u[p])*float64(u[p])
			}
		}
	}
	if pixels > 0 {
		result.Labels = float64(same) / float64(pixels)
	}
	if den > 0 {
		result.Error = math.Sqrt(num / den)
	}
	return result, nil
}

// argmax gives the class of the largest score of each pixel of [N,C,H,W], the lowest of equal ones.
func argmax(scores []float32, shape []int) []int {
	batch, classes, area := shape[0], shape[1], shape[2]*shape[3]
	labels := make([]int, batch*area)
	for n := range batch {
		for c := 1; c < classes; c++ {
			row := scores[(n*classes+c)*area:][:area]
			for p, v := range row {
				if best := &labels[n*area+p]; v > scores[(n*classes+*best)*area+p] {
					*best = c
				}
			}
		}
	}
	return labels
}
