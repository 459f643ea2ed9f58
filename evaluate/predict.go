package evaluate

import (
	"context"
	"fmt"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/onnx/tensor"
)

// predictor makes masks of pictures.
type predictor struct {
	model   *segmenter.Model
	classes int
	options Options
	pool    *kernel.Pool
}

// check refuses options that the model cannot serve.
func (p *predictor) check() error {
	if n := p.model.Classes; n != 0 && n != p.classes {
		return p.mismatch(n)
	}
	return nil
}

func (p *predictor) mismatch(n int) error {
	return fmt.Errorf("the model has %d classes, the data set %d", n, p.classes)
}

func (p *predictor) predict(ctx context.Context, pair *dataset.Pair) (*imageio.Mask, error) {
	fit := imageio.NewFit(pair.Width, pair.Height, p.model.Width, p.model.Height, 0)
	out, err := p.run(ctx, picture(pair).Tensor(fit))
	if err != nil {
		return nil, err
	}
	return fit.Labels(out, p.options.Threads)
}

// run gives the network's output for an input, whose classes it checks.
func (p *predictor) run(ctx context.Context, in *tensor.Tensor) (*tensor.Tensor, error) {
	out, err := p.model.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	if out.DType.IsFloat() && len(out.Shape) == 4 && out.Shape[1] != p.classes {
		return nil, p.mismatch(out.Shape[1])
	}
	return out, nil
}
