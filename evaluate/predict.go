package evaluate

import (
	"context"
	"errors"
	"fmt"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/kernel"
	"autodeeplab/internal/segmenter"
	"autodeeplab/onnx/tensor"
)

// ErrOptions is wrapped by the errors for Options that are out of range or that the model cannot serve.
var ErrOptions = errors.New("evaluation")

// Scales are limited to what interpolation without a filter can be asked for.
const minScale, maxScale = 0.1, 8

// predictor makes masks of pictures.
type predictor struct {
	model   *segmenter.Model
	classes int
	options Options
	pool    *kernel.Pool
}

func optionError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...)
}

// check refuses options that are out of range, or that the model cannot serve.
func (p *predictor) check() error {
	o, m := &p.options, p.model
	for _, s := range o.Scales {
		if !(s >= minScale && s <= maxScale) {
			return optionError("scale %g, want %g to %g (--scales)", s, minScale, float64(maxScale))
		}
	}
	if !(o.Overlap >= 0 && o.Overlap <= maxOverlap) {
		return optionError("windows that overlap by %g of their size, want 0 to %g (--overlap)", o.Overlap, maxOverlap)
	}
	if o.Window.Height < 0 || o.Window.Width < 0 || (o.Window.Height == 0) != (o.Window.Width == 0) {
		return optionError("a window of %d×%d pixels (--window)", o.Window.Width, o.Window.Height)
	}
	if !(o.BoundaryTolerance >= 0 && o.BoundaryTolerance <= maxTolerance) {
		return optionError("boundaries off by %g of the diagonal, want 0 to %g (--boundary-tolerance)", o.BoundaryTolerance, maxTolerance)
	}
	for _, side := range []struct {
		name          string
		model, window int
	}{{"height", m.Height, o.Window.Height}, {"width", m.Width, o.Window.Width}} {
		if side.model != 0 && side.window != 0 && side.model != side.window {
			return optionError("windows of %s %d, but the model's %s is fixed at %d: leave --window out, or compile with --input-size dynamic",
				side.name, side.window, side.name, side.model)
		}
	}
	several := o.Flip || len(o.Scales) > 1 || len(o.Scales) == 1 && o.Scales[0] != 1
	if several && m.Labels() {
		return optionError("the model gives labels (%s), of which no mean can be taken: scales and flips need one that gives logits or probabilities", m.Output)
	}
	if o.Shrink && (several || o.Window.Height != 0) {
		return optionError("pictures that are shrunk to fit are seen whole and once: no scales, flips or windows (--fit)")
	}
	if n := m.Classes; n != 0 && n != p.classes {
		return p.mismatch(n)
	}
	return nil
}

func (p *predictor) mismatch(n int) error {
	return fmt.Errorf("the model has %d classes, the data set %d", n, p.classes)
}

// window is the size that the network sees at a time; 0 where it is all of a view.
func (p *predictor) window() (height, width int) {
	height, width = p.model.Height, p.model.Width
	if height == 0 {
		height = p.options.Window.Height
	}
	if width == 0 {
		width = p.options.Window.Width
	}
	return height, width
}

// predict makes the mask of a picture, at its size.
func (p *predictor) predict(ctx context.Context, pair *dataset.Pair) (*imageio.Mask, error) {
	if p.options.Shrink {
		fit := imageio.NewFit(pair.Width, pair.Height, p.model.Width, p.model.Height, 0)
		out, err := p.run(ctx, picture(pair).Tensor(fit))
		if err != nil {
			return nil, err
		}
		return fit.Labels(out, p.options.Threads)
	}
	jobs := p.plan(pair.Height, pair.Width)
	if len(jobs) == 1 && jobs[0].rows.view == pair.Height && jobs[0].columns.view == pair.Width {
		// The highest logit is the highest probability.
		out, err := p.run(ctx, jobs[0].input(p.pool, pair))
		if err != nil {
			return nil, err
		}
		fit := imageio.Fit{PhotoW: pair.Width, PhotoH: pair.Height, InputW: jobs[0].columns.size, InputH: jobs[0].rows.size, ContentW: pair.Width, ContentH: pair.Height}
		return fit.Labels(out, p.options.Threads)
	}
	if p.model.Labels() {
		return p.tile(ctx, pair, jobs)
	}
	a := newAverage(p.pool, p.classes, pair.Height, pair.Width, p.model.Aligned)
	if err := a.checkMemory(jobs, p.options.MaxSums); err != nil {
		return nil, err
	}
	return a.mask, p.average(ctx, pair, jobs, a)
}

// average runs the jobs of a picture and decides its rows as soon as no job is left for them.
func (p *predictor) average(ctx context.Context, pair *dataset.Pair, jobs []job, a *average) error {
	for i := range jobs {
		out, err := p.run(ctx, jobs[i].input(p.pool, pair))
		if err != nil {
			return err
		}
		if err := a.add(&jobs[i], out); err != nil {
			return err
		}
		end := pair.Height
		if i+1 < len(jobs) {
			end = jobs[i+1].row.lo
		}
		a.finish(end)
	}
	return nil
}

// tile puts the labels of windows side by side.
func (p *predictor) tile(ctx context.Context, pair *dataset.Pair, jobs []job) (*imageio.Mask, error) {
	m := &imageio.Mask{Width: pair.Width, Height: pair.Height, Labels: make([]uint8, pair.Height*pair.Width)}
	for i := range jobs {
		j := &jobs[i]
		out, err := p.run(ctx, j.input(p.pool, pair))
		if err != nil {
			return nil, err
		}
		labels, h, w, err := imageio.LabelMap(out)
		if err != nil {
			return nil, err
		}
		xs := imageio.Taps(j.column.at, j.columns.size, w, p.model.Aligned)
		for i, y := range imageio.Taps(j.row.at, j.rows.size, h, p.model.Aligned) {
			for k, x := range xs {
				m.Labels[(j.row.lo+i)*m.Width+j.column.lo+k] = labels[y.Nearest()*w+x.Nearest()]
			}
		}
	}
	return m, nil
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
