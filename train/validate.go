package train

import (
	"context"
	"fmt"
	"math"

	"autodeeplab/compile"
	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
	"autodeeplab/onnx"
	"autodeeplab/runtime"
)

// Validator measures networks on the validation set of a folder, in the embedded runtime and as package evaluate does.
type Validator struct {
	Set     *dataset.Set
	Options Options
	Threads int
	// Progress is told after every image; may be nil.
	Progress func(done, all int)
	// Each is given every prediction, at the size of the sample's labels; may be nil. An error ends the validation.
	Each func(i int, sample dataset.Sample, prediction *imageio.Mask) error
}

// Samples are the validation images that are looked at: all, or Options.ValidateImages of them, evenly spread.
func (v *Validator) Samples() []dataset.Sample {
	all := v.Set.Val
	n := len(all)
	if k := v.Options.ValidateImages; k > 0 {
		n = min(n, k)
	}
	list := make([]dataset.Sample, n)
	for i := range list {
		list[i] = all[i*len(all)/n]
	}
	return list
}

// Validate measures a training form.
func (v *Validator) Validate(ctx context.Context, m *onnx.Model) (Score, error) {
	d := compile.DeployOptions{}
	if v.Options.ValidateFit == FitWhole {
		d.Height, d.Width = compile.DynamicAxis, compile.DynamicAxis
	}
	m, err := compile.Deploy(m, d)
	if err != nil {
		return Score{}, fmt.Errorf("validation: %w (--validate-fit)", err)
	}
	session, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: v.Threads})
	if err != nil {
		return Score{}, fmt.Errorf("validation: %w", err)
	}
	defer session.Close()
	i := 0
	r, err := evaluate.Run(ctx, session, v.Set, v.Samples(), evaluate.Options{
		Shrink: v.Options.ValidateFit == FitShrink, Threads: v.Threads, Progress: v.Progress,
		Each: func(s dataset.Sample, p *imageio.Mask) error {
			i++
			if v.Each == nil {
				return nil
			}
			return v.Each(i-1, s, p)
		},
	})
	if err != nil {
		return Score{}, err
	}
	score := Score{MIoU: r.MIoU, PixelAccuracy: r.PixelAccuracy, IoU: r.IoU}
	for k, iou := range score.IoU {
		if math.IsNaN(iou) { // which JSON has not
			score.IoU[k] = -1
		}
	}
	return score, nil
}
